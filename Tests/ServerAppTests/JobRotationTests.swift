// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ServerApp

@Suite struct JobRotationTests {
    @Test func `owners take turns, and each one's jobs keep their order`() {
        var rotation = JobRotation<Int>()
        for job in 1...4 { rotation.append(job, of: "a") }
        rotation.append(10, of: "b")
        rotation.append(20, of: nil)
        rotation.append(21, of: nil)

        var order: [Int] = []
        while let job = rotation.popFirst() { order.append(job) }

        #expect(order == [1, 10, 20, 2, 21, 3, 4])
    }

    @Test func `who comes back waits for the turns of the others`() {
        var rotation = JobRotation<Int>()
        rotation.append(1, of: "a")
        rotation.append(2, of: "a")
        rotation.append(10, of: "b")
        #expect(rotation.popFirst() == 1)
        #expect(rotation.popFirst() == 10)
        rotation.append(11, of: "b")

        #expect(rotation.popFirst() == 2)
        #expect(rotation.popFirst() == 11)
        #expect(rotation.popFirst() == nil)
    }
}
