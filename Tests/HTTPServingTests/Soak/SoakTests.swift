// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import HTTPServing

@Suite(.timeLimit(.minutes(20)))
struct SoakTests {
    @Test(arguments: [1, 2])
    func `abrupt clients leave no descriptor behind`(seed: UInt64) async throws {
        let test = try await TickingServer()

        let made = await AbruptTraffic(address: test.address, connectionCount: 2500, seed: seed)
            .run()
        await test.settle()

        #expect(made == 2500)
        #expect(test.server.counters.openConnectionCount.value == 0)
        #expect(ProcessFootprint.acceptedCount(test.address) == 0)
        let streams = test.streams
        #expect(streams.live.isEmpty)
        #expect(streams.openedCount > 0)
        #expect(streams.openedCount == streams.finishedCount + streams.cancelledCount)
        #expect(streams.strayCount == 0)
        await test.stop()
    }

    /// The long form, run alone by `scripts/soak`.
    @Test(.enabled(if: SoakPlan.fromEnvironment != nil))
    func `a soak leaves descriptors and memory as they were`() async throws {
        let plan = try #require(SoakPlan.fromEnvironment)
        let descriptorsBefore = ProcessFootprint.descriptorCount
        let test = try await TickingServer()
        let descriptorsServing = ProcessFootprint.descriptorCount
        var residentKiB: [Int] = []
        let start = ContinuousClock().now

        for round in 0..<SoakPlan.roundCount {
            let made = await AbruptTraffic(
                address: test.address, connectionCount: plan.connectionCount / SoakPlan.roundCount,
                seed: UInt64(round)
            ).run()
            await test.settle()
            #expect(made == plan.connectionCount / SoakPlan.roundCount)
            residentKiB.append(ProcessFootprint.residentKiB)
        }
        let descriptorsSettled = ProcessFootprint.descriptorCount
        let streams = test.streams
        let accepted = test.server.counters.totalConnectionCount.value
        await test.stop()
        let descriptorsAfter = ProcessFootprint.descriptorCount

        print(
            """
            soak: \(accepted) connections in \(start.duration(to: ContinuousClock().now)), \
            \(streams.openedCount) streams = \(streams.finishedCount) finished \
            + \(streams.cancelledCount) cancelled; \
            descriptors \(descriptorsBefore) before, \(descriptorsServing) serving, \
            \(descriptorsSettled) settled, \(descriptorsAfter) after; resident KiB \(residentKiB)
            """)
        #expect(descriptorsSettled == descriptorsServing)
        #expect(descriptorsAfter == descriptorsBefore)
        #expect(streams.openedCount == streams.finishedCount + streams.cancelledCount)
        #expect(streams.strayCount == 0)
        let grown = (residentKiB.last ?? 0) - (residentKiB.dropFirst().first ?? 0)
        #expect(grown <= plan.maxGrowthKiB)
    }
}

/// How long a soak is and what it may cost; from the environment.
struct SoakPlan: Sendable {
    var connectionCount: Int
    var maxGrowthKiB: Int

    /// Rounds between which memory is looked at; the first two warm the allocator up.
    static let roundCount = 10

    static var fromEnvironment: SoakPlan? {
        let environment = ProcessInfo.processInfo.environment
        guard let count = environment["APUS_SOAK_CONNECTIONS"].flatMap({ Int($0) }),
            let growth = environment["APUS_SOAK_MAX_GROWTH_KIB"].flatMap({ Int($0) })
        else { return nil }
        return SoakPlan(connectionCount: count, maxGrowthKiB: growth)
    }
}

extension TickingServer {
    /// Waits until the server has seen every client leave; gives up after a minute, so that a leak
    /// shows as a count and not as a test that hangs.
    func settle() async {
        let clock = ContinuousClock()
        let start = clock.now
        while server.counters.openConnectionCount.value > 0, clock.now - start < .seconds(60) {
            await Task.yield()
        }
    }
}
