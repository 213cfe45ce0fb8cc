// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPServing

struct SpareDescriptorTests {
    @Test func `a connection is turned away, and none when none waits`() throws {
        let listener = try Listener(.internet(host: "127.0.0.1", port: 0), maxBacklog: 8)
        let spare = try SpareDescriptor()

        #expect(!spare.turnAway(from: listener))
        let client = try TestClient(listener.address)
        #expect(spare.turnAway(from: listener))
        #expect(client.receiveAll() == "")
        #expect(client.ending == .endOfStream)
        #expect(!spare.turnAway(from: listener))
        listener.close()
    }
}
