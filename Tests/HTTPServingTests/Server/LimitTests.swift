// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Testing

@testable import HTTPServing

private let hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite(.timeLimit(.minutes(2)))
struct LimitTests {
    /// Short enough for a test, long enough for a busy machine.
    private static let short = Duration.milliseconds(200)

    @Test(arguments: [
        "GET /hello HTTP/1.1\r\nHost", "G",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ])
    func `a request that does not end is answered 408`(text: String) async throws {
        let test = try await TestServer {
            $0.headTimeout = Self.short
            $0.bodyTimeout = Self.short
        }
        let client = try test.connect()

        client.send(text)
        let all = client.receiveAll()

        #expect(all.hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
        #expect(client.ending == .endOfStream)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a drip of header bytes does not put the time-out off`() async throws {
        let test = try await TestServer { $0.headTimeout = Self.short }
        let client = try test.connect()

        client.send("GET /hello HTTP/1.1\r\n")
        let clock = ContinuousClock()
        let start = clock.now
        while client.poll() == nil, clock.now - start < .seconds(10) { client.send("A: b\r\n") }

        #expect(clock.now - start < .seconds(10))
        #expect(client.receiveAll().hasPrefix("HTTP/1.1 4"))
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a body that comes fast enough outlives the time-out`() async throws {
        let test = try await TestServer {
            $0.bodyTimeout = Self.short
            $0.minBodyBytesPerSecond = 100
        }
        let client = try test.connect()
        let clock = ContinuousClock()
        let start = clock.now

        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 501\r\n\r\n")
        client.send([UInt8](repeating: 65, count: 500))
        while clock.now - start < Self.short * 3 { _ = client.poll() }
        client.send("A")

        #expect(client.receiveResponse()?.status == 200)
        await test.server.shutdown(grace: .zero)
    }

    @Test(arguments: ["", hello])
    func `an idle connection is closed without a word`(before: String) async throws {
        let test = try await TestServer { $0.idleTimeout = Self.short }
        let client = try test.connect()

        client.send(before)
        if !before.isEmpty { #expect(client.receiveResponse()?.status == 200) }

        #expect(client.receiveAll() == "")
        #expect(client.ending == .endOfStream)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a held exchange has no time-out`() async throws {
        let test = try await TestServer {
            $0.idleTimeout = Self.short
            $0.headTimeout = Self.short
            $0.stallTimeout = Self.short
        }
        let client = try test.connect()
        let other = try test.connect()

        client.send("GET /held/x HTTP/1.1\r\nHost: a\r\n\r\n")
        let exchange = try #require(await test.nextExchange())
        #expect(other.receiveAll() == "")
        let isAlive = await test.onLoop {
            exchange.respond(HTTPResponse(status: .ok), body: [65], on: $0)
        }

        #expect(isAlive)
        #expect(client.receiveResponse()?.body == "A")
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a reader that stands still is reset`() async throws {
        let test = try await TestServer { $0.stallTimeout = Self.short }
        let client = try test.connect(receiveBufferBytes: 4096)

        client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        while test.server.counters.openConnectionCount.value > 0 || test.accessRecords.isEmpty {
            await Task.yield()
        }
        _ = client.receiveAll()

        #expect(client.ending == .reset)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a reader that stands still is reset though it asks on`() async throws {
        let test = try await TestServer {
            $0.stallTimeout = Self.short
            $0.maxPendingOutputBytes = 64 << 20
        }
        let client = try test.connect(receiveBufferBytes: 4096)
        let clock = ContinuousClock()
        let start = clock.now

        client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        while test.server.counters.slowReaderCount.value == 0, clock.now - start < .seconds(10) {
            let asked = clock.now
            client.send(hello)
            while clock.now - asked < Self.short / 8 { await Task.yield() }
        }

        #expect(test.server.counters.slowReaderCount.value == 1)
        #expect(test.server.counters.requestCount.value > 1)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `output for all clients together is bounded, and who reads is served`()
        async throws
    {
        // Half: more than one answer of 20 MiB, and less than what two leave after the system's buffers.
        let test = try await TestServer {
            $0.maxPendingOutputBytes = 24 << 20
            $0.maxHeldOutputBytes = 48 << 20
        }
        let big = "GET /big HTTP/1.1\r\nHost: a\r\n\r\n"
        let first = try test.connect(receiveBufferBytes: 4096)
        let second = try test.connect(receiveBufferBytes: 4096)
        let reader = try test.connect()

        first.send(big)
        while test.server.counters.requestCount.value < 1 { await Task.yield() }
        second.send(big + hello)
        while test.server.counters.requestCount.value < 2 { await Task.yield() }
        let heldBytes = await test.onLoop { $0.heldOutputBytes }
        reader.send(hello + hello)
        let answers = (0..<2).map { _ in reader.receiveResponse()?.body }
        let requestCount = test.server.counters.requestCount.value
        let late = (0..<2).map { _ in second.receiveResponse()?.body.utf8.count }

        #expect(heldBytes > 24 << 20)
        #expect(answers == ["hello", "hello"])
        #expect(requestCount == 4)
        #expect(late == [TestServer.bigBody.count, 5])
        for client in [first, second, reader] { client.close() }
        while test.server.counters.openConnectionCount.value > 0 { await Task.yield() }
        #expect(await test.onLoop { $0.heldOutputBytes } == 0)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `who owes most for longest is reset when the server holds too much`() async throws {
        // The system's buffers take some of each answer of 20 MiB: three are more, two are not.
        let test = try await TestServer {
            $0.maxHeldOutputBytes = 44 << 20
            // Makes the ticks short in which waiting is measured.
            $0.lingerTimeout = .milliseconds(40)
        }
        let big = "GET /big HTTP/1.1\r\nHost: a\r\n\r\n"
        let idle = try test.connect(receiveBufferBytes: 4096)
        let slow = try test.connect(receiveBufferBytes: 4096)
        let fast = try test.connect(receiveBufferBytes: 64 << 10)
        let clock = ContinuousClock()

        idle.send(big)
        let start = clock.now
        while clock.now - start < Self.short { await Task.yield() }
        slow.send(big)
        while test.server.counters.requestCount.value < 2 { await Task.yield() }
        fast.send(big)
        let received = [fast, slow].map { $0.receiveResponse()?.body.utf8.count }
        _ = idle.receiveAll()

        #expect(received == [TestServer.bigBody.count, TestServer.bigBody.count])
        #expect(idle.ending == .reset)
        #expect(test.server.counters.slowReaderCount.value == 1)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a client above the connection limit gets 503`() async throws {
        let test = try await TestServer { $0.maxConnectionCount = 3 }
        var clients: [TestClient] = []

        for _ in 0..<3 {
            let client = try test.connect()
            client.send(hello)
            #expect(client.receiveResponse()?.status == 200)
            clients.append(client)
        }
        let surplus = try test.connect()
        surplus.send(hello)
        #expect(surplus.receiveResponse()?.status == 503)
        #expect(surplus.receiveAll() == "")
        surplus.close()
        clients.removeLast().close()
        while test.server.counters.openConnectionCount.value > 2 { await Task.yield() }
        let next = try test.connect()
        next.send(hello)

        #expect(next.receiveResponse()?.status == 200)
        #expect(test.server.counters.rejectedConnectionCount.value == 1)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `bodies of all clients together are bounded`() async throws {
        let test = try await TestServer {
            $0.message.maxBodyBytes = 1 << 20
            $0.maxHeldBodyBytes = 1 << 20
        }
        let first = try test.connect()
        let second = try test.connect()
        let head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
        let most = [UInt8](repeating: 65, count: 999_999)

        first.send(Array(head.utf8) + most)
        while test.server.counters.receivedBytes.value < most.count { await Task.yield() }
        second.send(Array(head.utf8) + most)
        let refused = second.receiveResponse()
        first.send("A")

        #expect(refused?.status == 503)
        #expect(first.receiveResponse()?.body.utf8.count == 1_000_000)
        let third = try test.connect()
        third.send(Array(head.utf8) + most + [65])
        #expect(third.receiveResponse()?.status == 200)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a client that pipelines without reading is made to wait`() async throws {
        let test = try await TestServer { $0.maxPendingOutputBytes = 64 << 10 }
        let client = try test.connect(receiveBufferBytes: 4096)
        let requests = Array(String(repeating: hello, count: 1000).utf8)
        let maxBytes = 256 << 20

        let sentBytes = client.sendUntilFull(requests, maxBytes: maxBytes)

        #expect(sentBytes < maxBytes)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `thousands of idle connections do not keep others from being answered`() async throws
    {
        let test = try await TestServer { $0.idleTimeout = .seconds(600) }
        var idle: [TestClient] = []

        for number in 0..<2500 {
            let client = try test.connect()
            if number % 2 == 0 {
                client.send(hello)
                #expect(client.receiveResponse()?.status == 200)
            }
            idle.append(client)
        }
        let client = try test.connect()
        for _ in 0..<500 {
            client.send(hello)
            #expect(client.receiveResponse()?.body == "hello")
        }

        #expect(test.server.counters.openConnectionCount.value == 2501)
        for waiting in idle.prefix(10) {
            waiting.send(hello)
            #expect(waiting.receiveResponse()?.body == "hello")
        }
        await test.server.shutdown(grace: .zero)
        #expect(test.server.counters.openConnectionCount.value == 0)
    }

    @Test func `limits that contradict each other are refused at the start`() {
        var configuration = HTTPServerConfiguration(routes: RouteTable())
        configuration.limits.message.maxHeaderBytes = 1000

        #expect(
            throws: HTTPServerError.contradictoryLimits(
                "maxRequestLineBytes must be from 16 to maxHeaderBytes")
        ) { try HTTPServer(configuration) }
    }
}
