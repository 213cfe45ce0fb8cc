// SPDX-License-Identifier: Apache-2.0

import Scheduling
import Testing

@Suite struct TrafficTests {
    static let schedulesPerSeed = 200

    /// 60 seeds of 200 schedules each.
    @Test(arguments: 0..<UInt64(60))
    func `any traffic keeps the limits and finishes`(seed: UInt64) throws {
        var seeds = SplitMix64(seed: seed)
        for number in 0..<Self.schedulesPerSeed {
            do {
                var traffic = try Traffic(seed: seeds.next())
                try traffic.run()
            } catch {
                Issue.record("schedule \(number): \(error)")
            }
        }
    }

    @Test(arguments: [UInt64(2026)])
    func `the traffic holds every kind of event that it is there to test`(seed: UInt64) throws {
        var seeds = SplitMix64(seed: seed)
        var tally = Traffic.Tally()

        for _ in 0..<Self.schedulesPerSeed {
            var traffic = try Traffic(seed: seeds.next())
            try traffic.run()
            tally.add(traffic.tally)
        }

        let expectedCount = Self.schedulesPerSeed / 10
        #expect(tally.stepCount > 10 * Self.schedulesPerSeed)
        #expect(tally.refusalCount > expectedCount)
        #expect(tally.preemptionCount > expectedCount)
        #expect(tally.cutPrefillCount > expectedCount)
        #expect(tally.sharedPrefillStepCount > expectedCount)
        #expect(tally.abortCounts[.waiting, default: 0] > expectedCount)
        #expect(tally.abortCounts[.prefilling, default: 0] > expectedCount)
        #expect(tally.abortCounts[.decoding, default: 0] > expectedCount)
        #expect(tally.abortInStepCount > expectedCount)
        #expect(tally.forkCount > expectedCount)
        #expect(tally.copyCount > expectedCount)
        #expect(tally.reusedPositionCount > expectedCount)
        #expect(tally.draftCount > expectedCount)
        #expect(tally.verifiedDraftCount > expectedCount)
    }
}

extension Traffic.Tally {
    mutating func add(_ other: Self) {
        stepCount += other.stepCount
        refusalCount += other.refusalCount
        preemptionCount += other.preemptionCount
        cutPrefillCount += other.cutPrefillCount
        sharedPrefillStepCount += other.sharedPrefillStepCount
        abortCounts.merge(other.abortCounts, uniquingKeysWith: +)
        abortInStepCount += other.abortInStepCount
        forkCount += other.forkCount
        copyCount += other.copyCount
        reusedPositionCount += other.reusedPositionCount
        draftCount += other.draftCount
        verifiedDraftCount += other.verifiedDraftCount
    }
}
