// SPDX-License-Identifier: Apache-2.0

import Decoding
import Foundation
import Testing

@Suite struct SamplerTests {
    private func parameters(
        _ change: (inout SamplingParameters) -> Void
    ) -> SamplingParameters {
        var parameters = SamplingParameters()
        change(&parameters)
        return parameters
    }

    /// Chooses `count` tokens from the same logits.
    private func draws(
        _ parameters: SamplingParameters, _ logits: [Float], prompt: [Int32] = [], count: Int = 1
    ) -> [Int32] {
        var sampler = Sampler(parameters, prompt: prompt)
        var candidates = Sampler.Candidates()
        return (0..<count).map { _ in
            var row = logits
            return row.withUnsafeMutableBufferPointer { sampler.sample($0, among: &candidates) }
        }
    }

    @Test func `temperature 0 takes the likeliest, of equals the first`() {
        let greedy = parameters { $0.temperature = 0 }

        #expect(draws(greedy, [0, 3, 1, 3]) == [1])
    }

    @Test func `the same seed draws the same tokens and another seed others`() {
        let logits = (0..<100).map { Float($0 % 7) / 7 }

        let first = draws(parameters { $0.seed = 1 }, logits, count: 50)

        #expect(first == draws(parameters { $0.seed = 1 }, logits, count: 50))
        #expect(first != draws(parameters { $0.seed = 2 }, logits, count: 50))
    }

    @Test(arguments: [Float(0.5), 1, 2])
    func `frequencies follow the softmax`(temperature: Float) {
        let logits: [Float] = [0, 1, 2, -1]
        let weights = logits.map { exp(Double($0) / Double(temperature)) }
        let total = weights.reduce(0, +)
        let count = 40_000

        let tokens = draws(
            parameters {
                $0.temperature = temperature; $0.seed = 7
            }, logits, count: count)

        for token in logits.indices {
            let share = Double(tokens.count { $0 == token }) / Double(count)
            // Five standard deviations of a binomial share at its widest.
            #expect(abs(share - weights[token] / total) < 5 * 0.5 / Double(count).squareRoot())
        }
    }

    @Test func `top-k, top-p and min-p exclude what they should`() {
        let logits: [Float] = [0, 4, 3, 2, -5]

        let topK = Set(
            draws(
                parameters {
                    $0.topK = 2; $0.temperature = 5
                }, logits, count: 500))
        let topP = Set(draws(parameters { $0.topP = 0.9 }, logits, count: 2000))
        let minP = Set(draws(parameters { $0.minP = 0.3 }, logits, count: 2000))

        #expect(topK == [1, 2])
        // P = 0.657, 0.242, 0.089, …: the first three reach 0.9, the first two do not.
        #expect(topP == [1, 2, 3])
        #expect(minP == [1, 2])
    }

    /// `typicalP`, and what it leaves of −log₂ P = 1, 2, 3, 4, 4, which is 1.875 in the mean.
    private static let typicalSets: [(Float, Set<Int32>)] = [
        (0, [1]), (0.2, [1]), (0.5, [0, 1]), (0.8, [0, 1, 2]), (0.9, [0, 1, 2, 3]),
        (1, [0, 1, 2, 3, 4]),
    ]

    @Test(arguments: typicalSets)
    func `typical-p keeps what is nearest to the entropy`(typicalP: Float, kept: Set<Int32>) {
        let logits = [0.5, 0.25, 0.125, 0.0625, 0.0625].map { Float(log($0)) }

        let drawn = draws(parameters { $0.typicalP = typicalP }, logits, count: 2000)

        #expect(Set(drawn) == kept)
    }

    @Test(arguments: 1...20)
    func `typical-p keeps what sorting keeps, after top-k and before top-p`(seed: UInt64) {
        var generator = SplitMix64(state: seed)
        let logits = (0..<200).map { _ in Float.random(in: -4...4, using: &generator) }
        let typicalP = Double.random(in: 0.05...0.95, using: &generator)
        let top = logits.indices.sorted { logits[$0] > logits[$1] }.prefix(50)
        let total = top.reduce(0) { $0 + exp(Double(logits[$1])) }
        let shares = top.map { (token: Int32($0), share: exp(Double(logits[$0])) / total) }
        let entropy = -shares.reduce(0) { $0 + $1.share * log($1.share) }
        let byDeviation = shares.sorted {
            abs(log($0.share) + entropy) < abs(log($1.share) + entropy)
        }
        var mass = 0.0
        let typical = byDeviation.prefix { candidate in
            defer { mass += candidate.share }
            return mass < typicalP
        }
        let likeliest = typical.max { $0.share < $1.share }?.token

        let drawn = draws(
            parameters {
                $0.topK = 50; $0.typicalP = Float(typicalP); $0.seed = seed
            }, logits, count: 3000)
        let withTopP = draws(
            parameters {
                $0.topK = 50; $0.typicalP = Float(typicalP); $0.topP = 1e-6
            }, logits)

        #expect(Set(drawn).isSubset(of: typical.map(\.token)))
        // None of them is so rare that 3,000 draws may miss it.
        let common = typical.filter { $0.share / mass > 0.01 }.map(\.token)
        #expect(Set(common).isSubset(of: drawn))
        #expect(withTopP == [likeliest])
    }

    @Test func `a long tail counts towards the nucleus`() {
        // P = 0.40, 0.36 and 998 tokens that share 0.24: neither of the first two reaches a half alone.
        let logits =
            [Float(log(0.40)), Float(log(0.36))]
            + Array(repeating: Float(log(0.24 / 998)), count: 998)

        let tokens = Set(draws(parameters { $0.topP = 0.5 }, logits, count: 500))

        #expect(tokens == [0, 1])
    }

    @Test func `top-k of equal logits keeps the lowest tokens`() {
        let tokens = Set(
            draws(parameters { $0.topK = 3 }, Array(repeating: 1, count: 50), count: 500))

        #expect(tokens == [0, 1, 2])
    }

    @Test func `bias and penalties move the choice`() {
        let logits: [Float] = [1, 2, 3]

        let biased = draws(
            parameters {
                $0.temperature = 0; $0.logitBias = [0: 100, 77: 100, -1: 100]
            }, logits)
        let repeated = draws(
            parameters {
                $0.temperature = 0; $0.repetitionPenalty = 2
            }, logits, prompt: [2],
            count: 2)
        let present = draws(
            parameters {
                $0.temperature = 0; $0.presencePenalty = 1.5
            }, logits, count: 3)
        let frequent = draws(
            parameters {
                $0.temperature = 0; $0.frequencyPenalty = 0.6
            }, logits, count: 4)

        #expect(biased == [0])
        #expect(repeated == [1, 2])
        #expect(present == [2, 1, 2])
        #expect(frequent == [2, 2, 1, 2])
    }

    @Test func `banned tokens wait for the minimum`() {
        let tokens = draws(
            parameters {
                $0.temperature = 0
                $0.bannedBeforeMinimum = [2]
                $0.minTokenCount = 2
            }, [1, 2, 3], count: 3)

        #expect(tokens == [1, 1, 2])
    }

    @Test func `log-probabilities are the log-softmax`() {
        var logits: [Float] = [0, 1, 2, 1]
        let total = log(exp(0.0) + 2 * exp(1.0) + exp(2.0))

        let (values, top) = logits.withUnsafeMutableBufferPointer { row in
            let probabilities = LogProbabilities(row)
            return ((0..<4).map { probabilities[$0] }, probabilities.top(3))
        }

        for (value, logit) in zip(values, [0.0, 1, 2, 1]) {
            #expect(abs(Double(value) - (logit - total)) < 1e-6)
        }
        #expect(top.map(\.token) == [2, 1, 3])
        #expect(top.map(\.logProbability) == [values[2], values[1], values[3]])
    }
}
