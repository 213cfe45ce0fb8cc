// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPServing

struct TimerWheelTests {
    @Test(arguments: [1, 2, 3])
    func `each token comes out once, at its tick`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var wheel = TimerWheel(slotCount: 64)
        var expected: [UInt64: UInt64] = [:]
        var nextToken: UInt64 = 0

        for tick in stride(from: UInt64(1), to: 5000, by: 3) {
            for _ in 0..<Int.random(in: 0..<4, using: &random) {
                let wanted = wheel.currentTick + .random(in: 0..<200, using: &random)
                let armed = wheel.schedule(nextToken, at: wanted)
                #expect(armed > wheel.currentTick)
                #expect(armed <= max(wanted, wheel.currentTick + 1))
                expected[nextToken] = armed
                nextToken += 1
            }
            for (token, armed) in wheel.advance(to: tick) {
                #expect(expected.removeValue(forKey: token) == armed)
            }
            #expect(expected.values.allSatisfy { $0 > tick })
        }
        _ = wheel.advance(to: 10_000).map { expected.removeValue(forKey: $0.token) }

        #expect(expected.isEmpty)
    }
}
