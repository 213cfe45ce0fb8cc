// SPDX-License-Identifier: Apache-2.0

import Scheduling
import Testing

@Suite struct SpeculationTests {
    private let one = SequenceID(1)
    private let two = SequenceID(2)

    /// A row costs `rowCost` of what a step costs in any case.
    private func speculation(rowCost: Double) -> Speculation {
        Speculation(DecodeCostModel { 1 + rowCost * Double($0) })
    }

    @Test(arguments: [(0.9, 8), (0.02, 0)])
    func `likely guesses are worth a row, unlikely ones are not`(
        acceptance: Double, count: Int
    ) {
        let counts = speculation(rowCost: 0.05).draftTokenCounts(
            [.init(one, draftTokenCount: 8, acceptance: acceptance)], decodeCount: 1)

        #expect(counts[one, default: 0] == count)
    }

    @Test func `where each row costs as much as a token there are no guesses`() {
        let counts = speculation(rowCost: 1000).draftTokenCounts(
            [.init(one, draftTokenCount: 8, acceptance: 0.99)], decodeCount: 1)

        #expect(counts.isEmpty)
    }

    @Test func `the likelier sequence has more of its guesses computed`() {
        let counts = speculation(rowCost: 0.25).draftTokenCounts(
            [
                .init(one, draftTokenCount: 8, acceptance: 0.6),
                .init(two, draftTokenCount: 8, acceptance: 0.95),
            ], decodeCount: 2)

        #expect(counts[two, default: 0] > counts[one, default: 0])
        #expect(counts[two, default: 0] <= 8)
    }

    @Test func `what a step of more rows takes is learned`() {
        var speculation = speculation(rowCost: 0.05)
        let candidates = [Speculation.Candidate(one, draftTokenCount: 1, acceptance: 0.5)]
        #expect(!speculation.draftTokenCounts(candidates, decodeCount: 1).isEmpty)

        for _ in 0..<40 {
            speculation.record(rowCount: 1, seconds: 0.010)
            speculation.record(rowCount: 2, seconds: 0.019)
        }

        #expect(speculation.draftTokenCounts(candidates, decodeCount: 1).isEmpty)
    }

    @Test func `a machine that slows down changes no ratio`() {
        var costs = DecodeCostModel { Double($0) }
        for step in 0..<200 {
            let slowness = 1 + Double(step) / 20
            costs.record(rowCount: 1, seconds: 0.010 * slowness)
            costs.record(rowCount: 4, seconds: 0.020 * slowness)
        }

        let ratio = costs.cost(rowCount: 4) / costs.cost(rowCount: 1)

        #expect(abs(ratio - 2) < 0.2)
    }

    @Test func `rare slow steps change no ratio, though all steps have as many rows`() {
        var costs = DecodeCostModel { Double($0) }
        var random = SplitMix64(seed: 7)
        for step in 0..<5000 {
            let noise = Double.random(in: 0.95...1.05, using: &random)
            costs.record(rowCount: 2, seconds: 0.020 * noise * (step % 200 == 199 ? 5 : 1))
        }
        for _ in 0..<5 { costs.record(rowCount: 1, seconds: 0.010) }

        let ratio = costs.cost(rowCount: 2) / costs.cost(rowCount: 1)

        #expect(abs(ratio - 2) < 0.3)
    }

    @Test func `what was not measured is corrected like its neighbour`() {
        var costs = DecodeCostModel { Double($0) }
        for _ in 0..<100 {
            costs.record(rowCount: 1, seconds: 0.010)
            costs.record(rowCount: 4, seconds: 0.020)
        }

        #expect(abs(costs.cost(rowCount: 5) / costs.cost(rowCount: 4) - 1.25) < 0.01)
    }

    @Test func `seconds that cannot be are not learned`() {
        var costs = DecodeCostModel { Double($0) }

        for seconds in [0, -1, Double.nan, .infinity] {
            costs.record(rowCount: 1, seconds: seconds)
            costs.record(rowCount: 2, seconds: seconds)
        }
        costs.record(rowCount: 0, seconds: 1)
        costs.record(rowCount: 65, seconds: 1)

        #expect(costs.cost(rowCount: 2) == 2 * costs.cost(rowCount: 1))
    }
}
