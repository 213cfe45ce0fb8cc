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

    /// Room for the tokens that a choice is made from, kept from one choice to the next.
    package struct Candidates {
        fileprivate struct Candidate {
            let token: Int32
            let weight: Float
            /// How far −ln P is from its mean; only set while the typical ones are chosen.
            var deviation: Float = 0
        }

        fileprivate var all: [Candidate] = []

        package init() {}
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

    /// Chooses the next token; the same one for the same logits until it is remembered. Changes `logits` [V].
    package func choose(
        _ logits: UnsafeMutableBufferPointer<Float>, among candidates: inout Candidates
    ) -> Int32 {
        guard let values = logits.baseAddress else { return 0 }
        adjust(values, logits.count)
        return parameters.isGreedy
            ? Int32(vectors.argmax(values, logits.count))
            : draw(values, logits.count, &candidates)
    }

    /// Chooses the next token and remembers it. Changes `logits` [V].
    package mutating func sample(
        _ logits: UnsafeMutableBufferPointer<Float>, among candidates: inout Candidates
    ) -> Int32 {
        let token = choose(logits, among: &candidates)
        remember(token)
        return token
    }

    /// Takes note of the token that the sequence goes on with.
    package mutating func remember(_ token: Int32) {
        outputCount += 1
        if parameters.tracksOutput { outputCounts[token, default: 0] += 1 }
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
    private func draw(
        _ logits: UnsafeMutablePointer<Float>, _ count: Int, _ candidates: inout Candidates
    ) -> Int32 {
        let best = vectors.maximum(logits, count)
        guard best.isFinite else { return Int32(vectors.argmax(logits, count)) }
        let total = vectors.exp(logits, count, best, 1 / parameters.temperature, logits)
        let uniform = Self.uniform(seed: parameters.seed, draw: outputCount)
        guard parameters.cutsTail else { return pick(uniform * total, logits, count) }
        var mass = candidates.collect(logits, count, total: Float(total), parameters)
        if parameters.typicalP < 1 {
            mass = candidates.keepTypical(parameters.typicalP, mass: mass)
        }
        candidates.cutTopP(parameters.topP, mass: mass)
        var kept: Double = 0
        for candidate in candidates.all { kept += Double(candidate.weight) }
        var remaining = uniform * kept
        for candidate in candidates.all {
            remaining -= Double(candidate.weight)
            if remaining < 0 { return candidate.token }
        }
        return candidates.all.last?.token ?? 0
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

extension Sampler.Candidates {
    /// Tokens that top-k and min-p leave, with weights relative to the likeliest's 1; returns the weight of
    /// all of them, those included that are too light to matter to top-p.
    fileprivate mutating func collect(
        _ weights: UnsafeMutablePointer<Float>, _ count: Int, total: Float,
        _ parameters: SamplingParameters
    ) -> Double {
        all.removeAll(keepingCapacity: true)
        var mass = 0.0
        var floor = parameters.minP
        if parameters.topP < 1, parameters.topK == 0, parameters.typicalP == 1 {
            // All tokens under (1 − p)/V of the total together hold less than 1 − p: top-p needs none.
            floor = max(floor, (1 - parameters.topP) * total / Float(count) * 0.5)
        }
        for token in 0..<count where weights[token] >= parameters.minP && weights[token] > 0 {
            mass += Double(weights[token])
            guard weights[token] >= floor else { continue }
            all.append(Candidate(token: Int32(token), weight: weights[token]))
        }
        guard parameters.topK > 0, parameters.topK < all.count else { return mass }
        keepLikeliest(parameters.topK)
        return weight(of: all.indices)
    }

    /// Keeps the `k` heaviest; of equal ones the lower tokens.
    private mutating func keepLikeliest(_ k: Int) {
        // Quickselect (Hoare 1961): the k heaviest end up in front.
        var range = all.indices
        while range.contains(k) {
            let middle = partition(range, by: Self.isHeavier)
            range = k <= middle ? range.lowerBound..<middle : middle + 1..<range.upperBound
        }
        all.removeSubrange(k...)
    }

    /// Keeps the fewest candidates of those whose −ln P is nearest to its mean that hold `typicalP` of
    /// `mass`, and returns what they hold (Meister et al. 2023, "Locally Typical Sampling").
    fileprivate mutating func keepTypical(_ typicalP: Float, mass: Double) -> Double {
        let information = all.map { log(mass / Double($0.weight)) }
        let entropy = zip(all, information).reduce(0) {
            $0 + Double($1.0.weight) / mass * $1.1
        }
        for index in all.indices {
            all[index].deviation = Float(abs(information[index] - entropy))
        }
        keepFewest(holding: Double(typicalP) * mass, by: Self.isMoreTypical)
        return weight(of: all.indices)
    }

    /// Keeps the fewest candidates, one at least, that come first in an order and hold `mass`; they are in no
    /// order then, but always in the same one. Quickselect by weight: nothing is sorted.
    private mutating func keepFewest(
        holding mass: Double, by precedes: (Candidate, Candidate) -> Bool
    ) {
        // What stands before the range is kept and holds all but `wanted`.
        var wanted = mass
        var range = all.indices
        while !range.isEmpty, wanted > 0 || range.lowerBound == 0 {
            let middle = partition(range, by: precedes)
            let nearer = weight(of: range.lowerBound..<middle)
            if wanted <= nearer {
                range = range.lowerBound..<middle
            } else {
                wanted -= nearer + Double(all[middle].weight)
                range = middle + 1..<range.upperBound
            }
        }
        all.removeSubrange(min(max(1, range.lowerBound), all.count)...)
    }

    /// Moves one candidate of a range to its place in an order, with those that precede it before it and the
    /// others behind; returns the place.
    private mutating func partition(
        _ range: Range<Int>, by precedes: (Candidate, Candidate) -> Bool
    ) -> Int {
        let last = range.upperBound - 1
        all.swapAt(range.lowerBound + range.count / 2, last)
        let pivot = all[last]
        var middle = range.lowerBound
        for index in range.lowerBound..<last where precedes(all[index], pivot) {
            all.swapAt(index, middle)
            middle += 1
        }
        all.swapAt(middle, last)
        return middle
    }

    private func weight(of range: Range<Int>) -> Double {
        all[range].reduce(0) { $0 + Double($1.weight) }
    }

    private static func isHeavier(_ a: Candidate, _ b: Candidate) -> Bool {
        a.weight != b.weight ? a.weight > b.weight : a.token < b.token
    }

    private static func isMoreTypical(_ a: Candidate, _ b: Candidate) -> Bool {
        a.deviation != b.deviation ? a.deviation < b.deviation : a.token < b.token
    }

    /// Keeps the fewest likeliest candidates that hold `topP` of `mass` (Holtzman et al. 2020).
    fileprivate mutating func cutTopP(_ topP: Float, mass: Double) {
        guard topP < 1, all.count > 1 else { return }
        keepFewest(holding: Double(topP) * mass, by: Self.isHeavier)
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
