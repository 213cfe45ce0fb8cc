// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Testing

@testable import HTTPServing

private let held = "GET /held/x HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite(.timeLimit(.minutes(2)))
struct StreamingTests {
    @Test func `writes of many turns arrive as one chunked body`() async throws {
        let test = try await TestServer()
        let client = try test.connect()

        client.send(held)
        let exchange = try #require(await test.nextExchange())
        _ = await test.onLoop { exchange.begin(HTTPResponse(status: .ok), on: $0) }
        for number in 0..<10 {
            await test.onLoop { server in
                exchange.write(Array("data: \(number)".utf8), on: server)
                exchange.write(Array("\n\n".utf8), on: server)
            }
            #expect(client.receive(until: "data: \(number)"))
        }
        await test.onLoop { server in
            exchange.write(Array("end".utf8), on: server)
            exchange.finish(on: server)
        }

        #expect(client.receive(until: "end\r\n0\r\n\r\n"))
        client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(client.receiveResponse()?.body == "hello")
        await test.server.shutdown(grace: .zero)
    }

    @Test func `an exchange that is over takes nothing more`() async throws {
        let test = try await TestServer()
        let client = try test.connect()

        client.send(held)
        let exchange = try #require(await test.nextExchange())
        let taken = await test.onLoop { server in
            [
                exchange.finish(on: server), exchange.write([1], on: server),
                exchange.respond(HTTPResponse(status: .ok), on: server),
                exchange.respond(HTTPResponse(status: .ok), on: server),
                exchange.begin(HTTPResponse(status: .ok), on: server),
                exchange.write([1], on: server), exchange.finish(on: server),
                exchange.pendingOutputBytes(on: server) != nil,
            ]
        }

        #expect(taken == [false, false, true, false, false, false, false, false])
        #expect(client.receiveResponse()?.status == 200)
        await test.server.shutdown(grace: .zero)
    }

    enum Departure: CaseIterable, Sendable {
        case reset, close, halfClose
    }

    @Test(arguments: Departure.allCases, [false, true])
    func `a client that leaves cancels its exchange once`(
        departure: Departure, afterBegin: Bool
    ) async throws {
        let test = try await TestServer()
        let client = try test.connect()

        client.send(held)
        let exchange = try #require(await test.nextExchange())
        if afterBegin {
            await test.onLoop { server in
                exchange.begin(HTTPResponse(status: .ok), on: server)
                exchange.write(Array("some".utf8), on: server)
            }
            #expect(client.receive(until: "some"))
        }
        switch departure {
        case .reset: client.reset()
        case .close: client.close()
        case .halfClose: client.finishSending()
        }

        #expect(await test.nextEvent() == .cancelled(exchange, .departed))
        #expect(await test.onLoop { exchange.write([1], on: $0) } == false)
        #expect(test.server.counters.cancellations.total == 1)
        #expect(test.server.counters.openConnectionCount.value == 0)
        #expect(test.accessRecords.last?.cancelReason == .departed)
        await test.server.shutdown(grace: .zero)
        #expect(test.server.counters.cancellations.total == 1)
    }

    @Test func `a client that sends and closes at once cancels its exchange`() async throws {
        let test = try await TestServer()
        let client = try test.connect()

        client.send(held)
        client.close()
        let exchange = try #require(await test.nextExchange())

        #expect(await test.nextEvent() == .cancelled(exchange, .departed))
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a departed client's pipelined requests are not served`() async throws {
        let test = try await TestServer()
        let client = try test.connect()

        client.send(held + held + held)
        let exchange = try #require(await test.nextExchange())
        client.reset()

        #expect(await test.nextEvent() == .cancelled(exchange, .departed))
        #expect(test.server.counters.requestCount.value == 1)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `asking for cancellation after the end is answered at once`() async throws {
        let test = try await TestServer()
        let client = try test.connect()
        let (reasons, sink) = AsyncStream.makeStream(of: CancelReason.self)

        client.send(held)
        let exchange = try #require(await test.nextExchange())
        client.reset()
        _ = await test.nextEvent()
        await test.onLoop { server in
            exchange.onCancel(on: server) { reason, _ in sink.yield(reason) }
        }

        #expect(await reasons.first { _ in true } == .departed)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a finished exchange is never cancelled`() async throws {
        let test = try await TestServer()
        let client = try test.connect()

        client.send(held)
        let exchange = try #require(await test.nextExchange())
        _ = await test.onLoop { exchange.respond(HTTPResponse(status: .ok), on: $0) }
        _ = client.receiveResponse()
        client.reset()
        let other = try test.connect()
        other.send(held)

        let next = try #require(await test.nextExchange())
        #expect(next != exchange)
        #expect(test.server.counters.cancellations.total == 0)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `an aborted stream is cut, not ended`() async throws {
        let test = try await TestServer()
        let client = try test.connect()

        client.send(held)
        let exchange = try #require(await test.nextExchange())
        await test.onLoop { server in
            exchange.begin(HTTPResponse(status: .ok), on: server)
            exchange.write(Array("part".utf8), on: server)
        }
        #expect(client.receive(until: "part"))
        await test.onLoop { exchange.abort(on: $0) }

        #expect(!client.receive(until: "0\r\n\r\n"))
        #expect(client.ending == .reset)
        #expect(await test.nextEvent() == .cancelled(exchange, .aborted))
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a slow reader is cancelled when too much waits for it`() async throws {
        let test = try await TestServer { $0.maxPendingOutputBytes = 256 << 10 }
        let client = try test.connect(receiveBufferBytes: 4096)
        let piece = [UInt8](repeating: 65, count: 64 << 10)

        client.send(held)
        let exchange = try #require(await test.nextExchange())
        _ = await test.onLoop { exchange.begin(HTTPResponse(status: .ok), on: $0) }
        var pending = 0
        while await test.onLoop({ exchange.write(piece, on: $0) }) {
            pending = max(pending, await test.onLoop { exchange.pendingOutputBytes(on: $0) } ?? 0)
        }

        // One write may come on top, with the framing of its chunk.
        #expect(pending <= 256 << 10 + piece.count + 16)
        #expect(await test.nextEvent() == .cancelled(exchange, .slowReader))
        #expect(test.server.counters.slowReaderCount.value == 1)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a fast reader may be sent more at once than a slow one may owe`() async throws {
        let test = try await TestServer { $0.maxPendingOutputBytes = 4096 }
        let client = try test.connect()
        let piece = [UInt8](repeating: 65, count: 64 << 10)

        client.send(held)
        let exchange = try #require(await test.nextExchange())
        await test.onLoop { server in
            exchange.begin(HTTPResponse(status: .ok), on: server)
            exchange.write(piece, on: server)
            exchange.finish(on: server)
        }

        #expect(client.receiveResponse()?.body.utf8.count == piece.count)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a write larger than the bound, and what follows it, reaches a reader`()
        async throws
    {
        let test = try await TestServer { $0.maxPendingOutputBytes = 256 << 10 }
        // With buffers of a fixed size the system cannot take all of it at once.
        let client = try test.connect(receiveBufferBytes: 256 << 10)
        let piece = [UInt8](repeating: 65, count: 16 << 20)

        client.send(held)
        let exchange = try #require(await test.nextExchange())
        await test.onLoop { server in
            exchange.begin(HTTPResponse(status: .ok), on: server)
            exchange.write(piece, on: server)
        }
        var waitingBytes = Int.max
        while let now = await test.onLoop({ exchange.pendingOutputBytes(on: $0) }),
            now < waitingBytes
        {
            waitingBytes = now
        }
        for _ in 0..<3 { _ = await test.onLoop { exchange.write([66], on: $0) } }
        let isFinished = await test.onLoop { exchange.finish(on: $0) }

        #expect(waitingBytes > 256 << 10)
        #expect(isFinished)
        #expect(client.receiveResponse()?.body.utf8.count == piece.count + 3)
        await test.server.shutdown(grace: .zero)
    }
}
