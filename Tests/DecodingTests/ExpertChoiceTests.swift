// SPDX-License-Identifier: Apache-2.0

import CKernels
import Foundation
import Testing

@testable import Decoding

@Suite struct ExpertChoiceTests {
    /// A few float32 operations on numbers below 1, and exponentials to 1 ulp.
    private static let tolerance: Float = 1e-6

    private let logits: [Float] = [0.5, -1, 2, 0.25, 1.5, -0.5, 0, 1]

    @Test func `softmax weighs the chosen as all experts share`() {
        let found = choose(ExpertChoice(expertCount: 8, activeCount: 3, scoring: .softmax))

        let total = logits.map { exp($0) }.reduce(0, +)
        #expect(found.experts == [2, 4, 7])
        #expect(agree(found.weights, [2, 1.5, 1].map { exp($0) / total }))
    }

    @Test func `weights that are normalised sum to 1 before they are scaled`() {
        let found = choose(
            ExpertChoice(
                expertCount: 8, activeCount: 3, scoring: .softmax, smallestSum: 1e-20, scale: 2.5))

        #expect(agree(found.weights, softmax([2, 1.5, 1]).map { 2.5 * $0 }))
    }

    @Test func `softmax of the chosen knows no others`() {
        let found = choose(
            ExpertChoice(expertCount: 8, activeCount: 3, scoring: .softmaxOfChosen))

        #expect(found.experts == [2, 4, 7])
        #expect(agree(found.weights, softmax([2, 1.5, 1])))
    }

    @Test(arguments: [ExpertChoice.Scoring.sigmoid, .sigmoidOfChosen])
    func `sigmoid weighs each expert for itself`(scoring: ExpertChoice.Scoring) {
        let found = choose(ExpertChoice(expertCount: 8, activeCount: 2, scoring: scoring))

        #expect(found.experts == [2, 4])
        #expect(agree(found.weights, [sigmoid(2), sigmoid(1.5)]))
    }

    @Test func `where sigmoids are equal the logits still choose`() {
        let large: [Float] = [40, 50, 30, 45]

        let bySigmoid = choose(
            ExpertChoice(expertCount: 4, activeCount: 2, scoring: .sigmoid), of: large)
        let byLogit = choose(
            ExpertChoice(expertCount: 4, activeCount: 2, scoring: .sigmoidOfChosen), of: large)

        #expect(bySigmoid.experts == [0, 1])
        #expect(byLogit.experts == [1, 3])
    }

    @Test(arguments: [ExpertChoice.Scoring.sigmoid, .softmax])
    func `a bias on the choice chooses and does not weigh`(scoring: ExpertChoice.Scoring) {
        let bias: [Float] = [0, 3, 0, 0, 0, 2, 0, 0]

        let found = bias.withUnsafeBufferPointer { bias in
            choose(
                ExpertChoice(
                    expertCount: 8, activeCount: 2, scoring: scoring,
                    selectionBias: bias.baseAddress))
        }

        let total = logits.map { exp($0) }.reduce(0, +)
        #expect(found.experts == [1, 5])
        let wanted =
            scoring == .sigmoid
            ? [sigmoid(-1), sigmoid(-0.5)] : [exp(-1) / total, exp(-0.5) / total]
        #expect(agree(found.weights, wanted))
    }

    @Test func `of equal experts the first is chosen`() {
        let found = choose(
            ExpertChoice(expertCount: 4, activeCount: 3, scoring: .softmax), of: [1, 2, 2, 1])

        #expect(found.experts == [1, 2, 0])
    }

    /// Groups of two: (0.5, −1), (2, 0.25), (1.5, −0.5), (0, 1).
    @Test func `a group is as good as its best expert or as its best two`() {
        let byBest = choose(grouped(activeCount: 2, .best, scoring: .softmax))
        let byBestTwo = choose(grouped(activeCount: 2, .bestTwo, scoring: .sigmoid))

        // Best: 2 and 1.5; best two: σ(2) + σ(0.25) = 1.44, σ(0) + σ(1) = 1.23 > σ(1.5) + σ(−0.5) = 1.20.
        #expect(byBest.experts == [2, 4, 3])
        #expect(byBestTwo.experts == [2, 7, 3])
    }

    @Test func `groups are chosen by biased scores, the first of equal ones`() {
        let bias: [Float] = [0, 0, 0, 0, 0, 0, 0, 1]

        let biased = bias.withUnsafeBufferPointer { bias in
            var choice = grouped(activeCount: 1, .bestTwo, scoring: .sigmoid)
            choice.selectionBias = bias.baseAddress
            return choose(choice)
        }
        let equal = choose(
            grouped(activeCount: 1, .best, scoring: .softmax), of: [0, 0, 1, 0, 0, 1, 0, 0])

        #expect(biased.experts[..<2] == [7, 6])
        #expect(equal.experts[..<2] == [2, 3])
    }

    @Test func `an expert outside the groups is not chosen for a score below zero`() {
        let bias = [Float](repeating: -5, count: 8)

        let found = bias.withUnsafeBufferPointer { bias in
            var choice = grouped(activeCount: 2, .bestTwo, scoring: .sigmoid)
            choice.selectionBias = bias.baseAddress
            return choose(choice)
        }

        #expect(found.experts == [2, 7, 3])
    }

    @Test func `weights whose sum vanishes are not made of nothing`() {
        let found = choose(
            ExpertChoice(expertCount: 3, activeCount: 2, scoring: .sigmoid, smallestSum: 1e-20),
            of: [-200, -300, -250])

        #expect(found.weights.allSatisfy { (0...1).contains($0) })
    }

    @Test func `SparseMixer weighs an expert among those close to it`() {
        let mixer = ExpertChoice(
            expertCount: 4, activeCount: 2, scoring: .sparseMixer(jitter: 0.01))

        let apart = choose(mixer, of: [1, 2, 3, 4])
        // 3.95 is within 2 % of 4, 3.9 is not; it is of 3.95.
        let close = choose(mixer, of: [3.9, 1, 4, 3.95])
        let negative = choose(mixer, of: [-1, -4, -1.01, -3])

        #expect(apart.experts == [3, 2] && apart.weights == [1, 1])
        #expect(close.experts == [2, 3])
        #expect(agree(close.weights, [softmax([4, 3.95])[0], softmax([3.95, 3.9])[0]]))
        #expect(negative.experts == [0, 2])
        #expect(agree(negative.weights, [softmax([-1, -1.01])[0], 1]))
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func `logits that are no numbers choose some experts`(logit: Float) {
        let scorings: [ExpertChoice.Scoring] = [
            .softmax, .softmaxOfChosen, .sigmoid, .sigmoidOfChosen, .sparseMixer(jitter: 0.01),
        ]
        for scoring in scorings {
            let found = choose(
                ExpertChoice(
                    expertCount: 4, activeCount: 3, scoring: scoring,
                    groups: .init(count: 2, activeCount: 1, scoring: .bestTwo)),
                of: Array(repeating: logit, count: 4))

            #expect(found.experts.allSatisfy { (0..<4).contains($0) })
        }
    }

    private func grouped(
        activeCount: Int, _ groupScoring: ExpertChoice.Groups.Scoring,
        scoring: ExpertChoice.Scoring
    ) -> ExpertChoice {
        ExpertChoice(
            expertCount: 8, activeCount: 3, scoring: scoring,
            groups: .init(count: 4, activeCount: activeCount, scoring: groupScoring))
    }

    private func choose(
        _ choice: ExpertChoice, of logits: [Float]? = nil
    ) -> (experts: [Int32], weights: [Float]) {
        var scores = logits ?? self.logits
        var candidates = scores
        var experts = [Int32](repeating: -1, count: choice.activeCount)
        var weights = [Float](repeating: -1, count: choice.activeCount)
        choice.choose(
            &scores, candidates: &candidates, into: &experts, weights: &weights,
            apus_vectors(apus_best_isa()).pointee)
        return (experts, weights)
    }

    private func agree(_ found: [Float], _ wanted: [Float]) -> Bool {
        found.count == wanted.count
            && zip(found, wanted).allSatisfy { abs($0 - $1) < Self.tolerance }
    }

    private func sigmoid(_ x: Float) -> Float { 1 / (1 + exp(-x)) }

    private func softmax(_ x: [Float]) -> [Float] {
        let total = x.map { exp($0) }.reduce(0, +)
        return x.map { exp($0) / total }
    }
}
