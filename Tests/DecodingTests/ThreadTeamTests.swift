// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import Decoding

@Suite struct ThreadTeamTests {
    @Test(arguments: 1...4) func `all work is done once, whether waiting threads spin or not`(
        threadCount: Int
    ) throws {
        let team = try ThreadTeam(threadCount: threadCount)
        let sums = (0..<97).map { _ in Counter() }

        for round in 0..<300 {
            team.setSpinning(round.isMultiple(of: 3))
            team.forEach(sums.count) { item, _ in sums[item].value.add(1, ordering: .relaxed) }
        }

        #expect(sums.allSatisfy { $0.value.load(ordering: .relaxed) == 300 })
    }
}

private final class Counter: Sendable {
    let value = Atomic<Int>(0)
}
