// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPServing

struct ConnectionTests {
    @Test(arguments: [false, true])
    func `no bytes are read while too many wait to be sent, not under TLS either`(
        awaitsAnswer: Bool
    ) throws {
        let context = try TLSFixture.context()
        let session = try #require(TLSSession(context))
        let connection = Connection(
            id: ConnectionID(descriptor: 0, generation: 1), socket: Socket(descriptor: -1),
            tls: session, limits: MessageLimits())
        connection.isReadable = true
        if awaitsAnswer {
            var offset = 0
            let request = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            _ = connection.state.receive(request.span, at: &offset)
        }

        let acceptsBefore = connection.acceptsInput(maxPendingBytes: 10)
        connection.output.append([UInt8](repeating: 65, count: 10))
        let acceptsAfter = connection.acceptsInput(maxPendingBytes: 10)
        let goesOn = connection.canGoOn(maxPendingBytes: 11)

        #expect(connection.state.isResponding == awaitsAnswer)
        #expect(acceptsBefore)
        #expect(!acceptsAfter)
        #expect(goesOn)
    }
}
