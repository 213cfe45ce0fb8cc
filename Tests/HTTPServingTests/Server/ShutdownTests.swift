// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Testing

@testable import HTTPServing

private let held = "GET /held/x HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite(.timeLimit(.minutes(2)))
struct ShutdownTests {
    @Test func `a running response is finished, an idle connection closed, a new one refused`()
        async throws
    {
        let test = try await TestServer()
        let idle = try test.connect()
        let busy = try test.connect()

        busy.send(held)
        let exchange = try #require(await test.nextExchange())
        async let stopped: Void = test.server.shutdown(grace: .seconds(600))
        await test.beginsStopping()
        #expect(idle.receiveAll() == "")
        #expect(throws: SystemError.self) { try test.connect() }
        let isAnswered = await test.onLoop {
            exchange.respond(HTTPResponse(status: .ok), body: [65], on: $0)
        }
        let response = busy.receiveResponse()
        #expect(busy.receiveAll() == "")
        busy.close()
        await stopped

        #expect(isAnswered)
        #expect(response?.body == "A")
        #expect(response?.head.contains("Connection: close\r\n") == true)
        #expect(test.server.counters.openConnectionCount.value == 0)
    }

    @Test func `a stream that outlives the grace period is cancelled`() async throws {
        let test = try await TestServer()
        let client = try test.connect()

        client.send(held)
        let exchange = try #require(await test.nextExchange())
        _ = await test.onLoop { exchange.begin(HTTPResponse(status: .ok), on: $0) }
        await test.server.shutdown(grace: .milliseconds(50))

        #expect(await test.nextEvent() == .cancelled(exchange, .shutdown))
        #expect(!client.receive(until: "0\r\n\r\n"))
    }

    @Test func `a second call ends the grace period`() async throws {
        let test = try await TestServer()
        let client = try test.connect()

        client.send(held)
        let exchange = try #require(await test.nextExchange())
        async let first: Void = test.server.shutdown(grace: .seconds(600))
        await test.beginsStopping()
        await test.server.shutdown(grace: .seconds(600))
        await first

        #expect(await test.nextEvent() == .cancelled(exchange, .shutdown))
        #expect(test.server.counters.openConnectionCount.value == 0)
    }

    @Test func `a call after the end returns`() async throws {
        let test = try await TestServer()

        await test.server.shutdown(grace: .zero)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a server that never listened can be shut down or dropped`() async throws {
        let server = try HTTPServer(HTTPServerConfiguration(routes: RouteTable()))

        await server.shutdown(grace: .zero)
    }
}
