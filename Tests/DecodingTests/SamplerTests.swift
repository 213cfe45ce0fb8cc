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
