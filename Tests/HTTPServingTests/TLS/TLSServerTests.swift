// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import HTTPTypes
import Testing

@testable import HTTPServing

private let hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
private let held = "GET /held/x HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite(.timeLimit(.minutes(2)))
struct TLSServerTests {
    private func server(
        clients: String? = nil, _ change: (inout HTTPServerLimits) -> Void = { _ in }
    ) async throws -> TestServer {
        try await TestServer(tls: TLSFixture.context(clients: clients), change)
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `requests are answered, one by one and pipelined`(version: Int32) async throws {
        let test = try await server()
        let client = try SecureTestClient(test, .init(maxVersion: version))

        client.send(hello)
        #expect(client.receiveBody() == "hello")
        client.send(String(repeating: hello, count: 1000))
        for _ in 0..<1000 { #expect(client.receiveBody() == "hello") }

        #expect(test.server.counters.requestCount.value == 1001)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a large answer comes whole, to a fast and to a slow reader`() async throws {
        let test = try await server()
        for receiveBufferBytes in [nil, Int32(4096)] {
            let client = try SecureTestClient(test, receiveBufferBytes: receiveBufferBytes)

            client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n" + hello)

            #expect(client.receiveBody()?.utf8.count == TestServer.bigBody.count)
            #expect(client.receiveBody() == "hello")
        }
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a reader that stands still is reset`() async throws {
        let test = try await server { $0.stallTimeout = .milliseconds(200) }
        let client = try SecureTestClient(test, receiveBufferBytes: 4096)

        client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        while test.server.counters.openConnectionCount.value > 0 || test.accessRecords.isEmpty {
            await Task.yield()
        }
        _ = client.receiveAll()

        #expect(client.client.ending == .reset)
        #expect(!client.peer.sawGoodbye)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a stream that nobody reads is cancelled at the same bound as a plain one`()
        async throws
    {
        let test = try await server { $0.maxPendingOutputBytes = 1 << 20 }
        let client = try SecureTestClient(test, receiveBufferBytes: 4096)
        client.send(held)
        let exchange = try #require(await test.nextExchange())
        let piece = [UInt8](repeating: 65, count: 64 << 10)

        _ = await test.onLoop { exchange.begin(HTTPResponse(status: .ok), on: $0) }
        var writtenBytes = 0
        while await test.onLoop({ exchange.write(piece, on: $0) }) { writtenBytes += piece.count }

        #expect(await test.nextEvent() == .cancelled(exchange, .slowReader))
        #expect(writtenBytes >= 1 << 20)
        // What the system's own buffers take comes on top.
        #expect(writtenBytes < 16 << 20)
        await test.server.shutdown(grace: .zero)
    }

    @Test(arguments: [false, true])
    func `a client that leaves cancels its exchange, by close_notify or by closing`(
        closes: Bool
    ) async throws {
        let test = try await server()
        let client = try SecureTestClient(test)
        client.send(held)
        let exchange = try #require(await test.nextExchange())
        _ = await test.onLoop { exchange.begin(HTTPResponse(status: .ok), on: $0) }
        #expect(client.receive(through: "\r\n\r\n") != nil)

        if closes { client.client.close() } else { client.sayGoodbye() }

        #expect(await test.nextEvent() == .cancelled(exchange, .departed))
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a farewell that comes while much waits is seen once it is read`() async throws {
        let test = try await server { $0.maxPendingOutputBytes = 64 << 10 }
        let client = try SecureTestClient(test, receiveBufferBytes: 256 << 10)
        client.send(held)
        let exchange = try #require(await test.nextExchange())
        let piece = [UInt8](repeating: 65, count: 16 << 20)
        await test.onLoop { server in
            exchange.begin(HTTPResponse(status: .ok), on: server)
            exchange.write(piece, on: server)
        }

        client.sayGoodbye()
        let all = client.receiveAll()

        #expect(all.utf8.count > piece.count - 1 << 20)
        #expect(await test.nextEvent() == .cancelled(exchange, .departed))
        await test.server.shutdown(grace: .zero)
    }

    @Test func `answers that are ready reach a client that has finished sending`() async throws {
        let test = try await server()
        let client = try SecureTestClient(test)

        client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n" + hello)
        client.sayGoodbye()
        client.client.finishSending()

        #expect(client.receiveBody()?.utf8.count == TestServer.bigBody.count)
        #expect(client.receiveBody() == "hello")
        #expect(client.receiveAll() == "")
        #expect(client.peer.sawGoodbye)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a request that is cut off is not run`() async throws {
        let test = try await server()
        for count in 0..<hello.utf8.count {
            let client = try SecureTestClient(test)
            client.send(String(decoding: Array(hello.utf8).prefix(count), as: UTF8.self))
            #expect(client.peer.isEstablished)
            client.client.close()
        }
        while test.server.counters.openConnectionCount.value > 0 { await Task.yield() }

        #expect(test.server.counters.requestCount.value == 0)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a handshake cut at any byte leaves no descriptor`() async throws {
        let test = try await server()
        let probe = TLSPeer()
        _ = probe.receive([])
        let firstFlight = probe.takeOutput()
        #expect(firstFlight.count > 100)

        for count in 0..<firstFlight.count {
            let client = try test.connect()
            client.send(Array(firstFlight.prefix(count)))
            if count % 2 == 0 { client.reset() } else { client.close() }
        }
        while test.server.counters.totalConnectionCount.value < firstFlight.count {
            await Task.yield()
        }
        while test.server.counters.openConnectionCount.value > 0 { await Task.yield() }

        let client = try SecureTestClient(test)
        client.send(hello)
        #expect(client.receiveBody() == "hello")
        await test.server.shutdown(grace: .zero)
    }

    @Test(arguments: [0, 1, 50])
    func `a handshake that does not end is closed, and no drip puts that off`(
        count: Int
    ) async throws {
        let test = try await server { $0.handshakeTimeout = .milliseconds(200) }
        let probe = TLSPeer()
        _ = probe.receive([])
        let firstFlight = probe.takeOutput()
        let client = try test.connect()

        let clock = ContinuousClock()
        let start = clock.now
        for byte in firstFlight.prefix(count) {
            client.send([byte])
            if client.poll() != nil { break }
        }

        #expect(client.receiveAll() == "")
        #expect(clock.now - start < .seconds(10))
        #expect(test.server.counters.requestCount.value == 0)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `plain HTTP on a secure port is closed with an alert`() async throws {
        let test = try await server()
        let client = try test.connect()

        client.send(hello)
        let all = client.receiveAll()

        #expect(!all.contains("HTTP/1.1"))
        #expect(client.ending == .endOfStream)
        #expect(test.server.counters.tlsFailureCount.value == 1)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a client without a certificate gets an alert and no answer`() async throws {
        let test = try await server(clients: "authority")
        let stranger = try SecureTestClient(test, .init(certificate: "stranger"))
        let friend = try SecureTestClient(test, .init(certificate: "client"))

        stranger.send(hello)
        #expect(stranger.receiveAll() == "")
        #expect(stranger.peer.failed)
        friend.send(hello)
        #expect(friend.receiveBody() == "hello")

        #expect(test.server.counters.requestCount.value == 1)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `another certificate is for new connections, old ones go on`() async throws {
        let test = try await server()
        let old = try SecureTestClient(test)
        old.send(hello)
        #expect(old.receiveBody() == "hello")

        try await test.server.replaceTLS(TLSFixture.context("other"))
        // The new certificate has an RSA key.
        let ecdsaOnly = try SecureTestClient(
            test, .init(maxVersion: TLS1_2_VERSION, suites: "ECDHE-ECDSA-AES128-GCM-SHA256"))
        let rsaOnly = try SecureTestClient(
            test, .init(maxVersion: TLS1_2_VERSION, suites: "ECDHE-RSA-AES128-GCM-SHA256"))

        #expect(!ecdsaOnly.shakeHands())
        rsaOnly.send(hello)
        #expect(rsaOnly.receiveBody() == "hello")
        old.send(hello)
        #expect(old.receiveBody() == "hello")
        await test.server.shutdown(grace: .zero)
    }

    @Test func `every orderly end is told by close_notify`() async throws {
        let test = try await server { $0.idleTimeout = .milliseconds(200) }
        let closing = try SecureTestClient(test)
        let idle = try SecureTestClient(test)
        let refused = try SecureTestClient(test)

        closing.send("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(closing.receiveAll().hasSuffix("hello"))
        #expect(closing.peer.sawGoodbye)
        idle.send(hello)
        #expect(idle.receiveAll().hasSuffix("hello"))
        #expect(idle.peer.sawGoodbye)
        refused.send("nonsense\r\n")
        #expect(refused.receiveAll().hasPrefix("HTTP/1.1 400 "))
        #expect(refused.peer.sawGoodbye)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a client that only asks for new keys is made to wait`() async throws {
        let test = try await server { $0.maxPendingOutputBytes = 64 << 10 }
        let client = try SecureTestClient(test, receiveBufferBytes: 4096)
        #expect(client.shakeHands())

        var requests: [UInt8] = []
        for _ in 0..<20_000 {
            client.peer.updateKeys()
            client.peer.write([])
            _ = client.peer.receive([])
            requests += client.peer.takeOutput()
        }
        client.client.sendInBackground(requests)
        let other = try SecureTestClient(test)
        other.send(hello)

        #expect(other.receiveBody() == "hello")
        await test.server.shutdown(grace: .zero)
    }
}
