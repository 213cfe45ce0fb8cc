// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Testing

@testable import HTTPServing

@Suite(.timeLimit(.minutes(2)))
struct ServerCountersTests {
    @Test func `refusals are counted by reason`() async throws {
        let test = try await TestServer { $0.message.maxBodyBytes = 10 }
        let client = try test.connect()

        client.send("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = client.receiveResponse()
        client.send("DELETE /echo HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = client.receiveResponse()
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n")
        _ = client.receiveAll()

        let refusals = test.server.counters.refusals
        #expect(refusals.values.map { $0.reason } == RefusalReason.allCases)
        let counted = refusals.values.filter { $0.count > 0 }
        #expect(counted.map { $0.reason } == [.tooLarge, .notFound, .methodNotAllowed])
        #expect(refusals.total == 3)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `cancellations are counted by reason`() async throws {
        let test = try await TestServer()
        let clients = [try test.connect(), try test.connect(), try test.connect()]
        var exchanges: [Exchange] = []
        for client in clients {
            client.send("GET /held/x HTTP/1.1\r\nHost: a\r\n\r\n")
            let exchange = try #require(await test.nextExchange())
            exchanges.append(exchange)
        }

        clients[0].reset()
        _ = await test.nextEvent()
        let aborted = exchanges[1]
        await test.onLoop { aborted.abort(on: $0) }
        await test.server.shutdown(grace: .zero)
        // Closed any earlier, all would count as departed.
        withExtendedLifetime(clients) {}

        let cancellations = test.server.counters.cancellations
        let counted = cancellations.values.filter { $0.count > 0 }
        #expect(counted.map { $0.reason } == [.departed, .shutdown, .aborted])
        #expect(cancellations.total == 3)
        #expect(test.server.counters.slowReaderCount.value == 0)
    }

    @Test func `one set of counters may be given to a server and read elsewhere`() async throws {
        let counters = ServerCounters()
        let server = try HTTPServer(
            HTTPServerConfiguration(routes: RouteTable()), counters: counters)

        #expect(server.counters === counters)
        await server.shutdown(grace: .zero)
    }
}
