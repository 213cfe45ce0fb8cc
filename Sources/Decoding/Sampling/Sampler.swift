// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import Foundation

/// Chooses the tokens of one sequence. The k-th draw depends on the seed and k alone, so a sequence
/// that is preempted and computed again chooses the same.
package struct Sampler {
    package let parameters: SamplingParameters
    private var promptTokens: Set<Int32>
    private var outputCounts: [Int32: Int32] = [:]
    private var outputCount = 0
    private let vectors: apus_vector_operations
    private var candidates: [Candidate] = []

    private struct Candidate {
        let token: Int32
        var weight: Float
        /// How far −ln P is from its mean; only set while the typical ones are chosen.
        var deviation: Float = 0
    }

    /// A sampler that has chosen nothing yet.
    package init(
        _ parameters: SamplingParameters, prompt: some Collection<Int32>,
        instructionSet: InstructionSet = .best
    ) {
        self.parameters = parameters
        promptTokens = parameters.repetitionPenalty == 1 ? [] : Set(prompt)
        vectors = apus_vectors(instructionSet.isa).pointee
    }

    /// Chooses the next token and remembers it. Changes `logits` [V].
    package mutating func sample(_ logits: UnsafeMutableBufferPointer<Float>) -> Int32 {
        guard let values = logits.baseAddress else { return 0 }
        adjust(values, logits.count)
        let token =
            parameters.isGreedy
            ? Int32(vectors.argmax(values, logits.count)) : draw(values, logits.count)
        outputCount += 1
        if parameters.tracksOutput { outputCounts[token, default: 0] += 1 }
        return token
    }

    /// Applies bias, penalties and bans.
    private func adjust(_ logits: UnsafeMutablePointer<Float>, _ count: Int) {
        func isToken(_ token: Int32) -> Bool { token >= 0 && token < count }
        for (token, bias) in parameters.logitBias where isToken(token) {
            logits[Int(token)] += bias
        }
        if parameters.repetitionPenalty != 1 {
            for token in promptTokens where isToken(token) && outputCounts[token] == nil {
                repel(&logits[Int(token)])
            }
            for token in outputCounts.keys where isToken(token) { repel(&logits[Int(token)]) }
        }
        for (token, occurrences) in outputCounts where isToken(token) {
            logits[Int(token)] -=
                parameters.presencePenalty + parameters.frequencyPenalty * Float(occurrences)
        }
        if outputCount < parameters.minTokenCount {
            for token in parameters.bannedBeforeMinimum where isToken(token) {
                logits[Int(token)] = -.infinity
            }
        }
    }

    private func repel(_ logit: inout Float) {
        logit =
            logit > 0 ? logit / parameters.repetitionPenalty : logit * parameters.repetitionPenalty
    }

    /// Draws from softmax(logits / temperature) cut by top-k and min-p, then typical-p, then top-p.
    private mutating func draw(_ logits: UnsafeMutablePointer<Float>, _ count: Int) -> Int32 {
        let best = vectors.maximum(logits, count)
        guard best.isFinite else { return Int32(vectors.argmax(logits, count)) }
        let total = vectors.exp(logits, count, best, 1 / parameters.temperature, logits)
        let uniform = Self.uniform(seed: parameters.seed, draw: outputCount)
        guard parameters.cutsTail else { return pick(uniform * total, logits, count) }
        let mass = collectCandidates(logits, count, total: Float(total))
        cutTopP(mass: parameters.typicalP < 1 ? keepTypical(mass: mass) : mass)
        var kept: Double = 0
        for candidate in candidates { kept += Double(candidate.weight) }
        var remaining = uniform * kept
        for candidate in candidates {
            remaining -= Double(candidate.weight)
            if remaining < 0 { return candidate.token }
        }
        return candidates.last?.token ?? 0
    }

    /// The token at which the running sum of the weights passes `target`.
    private func pick(
        _ target: Double, _ weights: UnsafeMutablePointer<Float>, _ count: Int
    ) -> Int32 {
        var remaining = target
        var last: Int32 = 0
        for token in 0..<count where weights[token] > 0 {
            remaining -= Double(weights[token])
            last = Int32(token)
            if remaining < 0 { break }
        }
        return last
    }

    /// Tokens that top-k and min-p leave, with weights relative to the likeliest's 1; returns the weight of
    /// all of them, those included that are too light to matter to top-p.
    private mutating func collectCandidates(
        _ weights: UnsafeMutablePointer<Float>, _ count: Int, total: Float
    ) -> Double {
        candidates.removeAll(keepingCapacity: true)
        var mass = 0.0
        var floor = parameters.minP
        if parameters.topP < 1, parameters.topK == 0, parameters.typicalP == 1 {
            // All tokens under (1 − p)/V of the total together hold less than 1 − p: top-p needs none.
            floor = max(floor, (1 - parameters.topP) * total / Float(count) * 0.5)
        }
        for token in 0..<count where weights[token] >= parameters.minP && weights[token] > 0 {
            mass += Double(weights[token])
            guard weights[token] >= floor else { continue }
            candidates.append(Candidate(token: Int32(token), weight: weights[token]))
        }
        guard parameters.topK > 0, parameters.topK < candidates.count else { return mass }
        keepLikeliest(parameters.topK)
        return weight(of: candidates.indices)
    }

    /// Keeps the `k` heaviest candidates, in ascending order of token; of equal ones the lower tokens.
    private mutating func keepLikeliest(_ k: Int) {
        // Quickselect (Hoare 1961): the k heaviest end up in front.
        var range = candidates.indices
        while range.contains(k) {
            let middle = partition(range, by: Self.isHeavier)
            range = k <= middle ? range.lowerBound..<middle : middle + 1..<range.upperBound
        }
        keepFirst(k)
    }

    /// Keeps the fewest candidates of those whose −ln P is nearest to its mean that hold `typicalP` of
    /// `mass`, in ascending order of token, and returns what they hold (Meister et al. 2023, "Locally Typical
    /// Sampling").
    private mutating func keepTypical(mass: Double) -> Double {
        let information = candidates.map { log(mass / Double($0.weight)) }
        let entropy = zip(candidates, information).reduce(0) {
            $0 + Double($1.0.weight) / mass * $1.1
        }
        for index in candidates.indices {
            candidates[index].deviation = Float(abs(information[index] - entropy))
        }
        // Quickselect by weight: what stands before the range is kept and holds all but `wanted`.
        var wanted = Double(parameters.typicalP) * mass
        var range = candidates.indices
        while !range.isEmpty, wanted > 0 || range.lowerBound == 0 {
            let middle = partition(range, by: Self.isMoreTypical)
            let nearer = weight(of: range.lowerBound..<middle)
            if wanted <= nearer {
                range = range.lowerBound..<middle
            } else {
                wanted -= nearer + Double(candidates[middle].weight)
                range = middle + 1..<range.upperBound
            }
        }
        keepFirst(max(1, range.lowerBound))
        return weight(of: candidates.indices)
    }

    /// Moves one candidate of a range to its place in an order, with those that precede it before it and the
    /// others behind; returns the place.
    private mutating func partition(
        _ range: Range<Int>, by precedes: (Candidate, Candidate) -> Bool
    ) -> Int {
        let last = range.upperBound - 1
        candidates.swapAt(range.lowerBound + range.count / 2, last)
        let pivot = candidates[last]
        var middle = range.lowerBound
        for index in range.lowerBound..<last where precedes(candidates[index], pivot) {
            candidates.swapAt(index, middle)
            middle += 1
        }
        candidates.swapAt(middle, last)
        return middle
    }

    /// Keeps the first `count` candidates, in ascending order of token.
    private mutating func keepFirst(_ count: Int) {
        candidates.removeSubrange(min(count, candidates.count)...)
        candidates.sort { $0.token < $1.token }
    }

    private func weight(of range: Range<Int>) -> Double {
        candidates[range].reduce(0) { $0 + Double($1.weight) }
    }

    private static func isHeavier(_ a: Candidate, _ b: Candidate) -> Bool {
        a.weight != b.weight ? a.weight > b.weight : a.token < b.token
    }

    private static func isMoreTypical(_ a: Candidate, _ b: Candidate) -> Bool {
        a.deviation != b.deviation ? a.deviation < b.deviation : a.token < b.token
    }

    /// Keeps the fewest likeliest candidates that hold `topP` of `mass` (Holtzman et al. 2020).
    private mutating func cutTopP(mass: Double) {
        guard parameters.topP < 1, candidates.count > 1 else { return }
        candidates.sort(by: Self.isHeavier)
        var kept = 0.0
        var count = 0
        while count < candidates.count, kept < Double(parameters.topP) * mass {
            kept += Double(candidates[count].weight)
            count += 1
        }
        candidates.removeSubrange(max(1, count)...)
    }

    /// The draw-th uniform number in [0, 1) of a seed (SplitMix64, Steele et al. 2014).
    static func uniform(seed: UInt64, draw: Int) -> Double {
        func mix(_ value: UInt64) -> UInt64 {
            var z = value &+ 0x9E37_79B9_7F4A_7C15
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        return Double(mix(mix(seed) &+ UInt64(truncatingIfNeeded: draw)) >> 11) * 0x1p-53
    }
}

extension SamplingParameters {
    /// Whether the temperature is too low to leave another token a chance; vLLM's bound.
    fileprivate var isGreedy: Bool { temperature < 1e-5 }

    /// Whether some tokens are excluded from the draw.
    fileprivate var cutsTail: Bool { topK > 0 || topP < 1 || minP > 0 || typicalP < 1 }

    /// Whether the output's tokens change later choices.
    fileprivate var tracksOutput: Bool {
        repetitionPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0
    }
}
