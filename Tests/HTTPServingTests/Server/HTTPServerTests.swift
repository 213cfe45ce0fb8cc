// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import Testing

@testable import HTTPServing

private let hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite(.timeLimit(.minutes(2)))
struct HTTPServerTests {
    @Test func `requests are answered one after the other on one connection`() async throws {
        let test = try await TestServer()
        let client = try test.connect()

        for _ in 0..<3 {
            client.send(hello)
            let response = client.receiveResponse()
            #expect(response?.status == 200)
            #expect(response?.body == "hello")
        }

        #expect(test.server.counters.requestCount.value == 3)
        #expect(test.server.counters.totalConnectionCount.value == 1)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `pipelined requests are answered in order, a held one holding the rest`()
        async throws
    {
        let test = try await TestServer()
        let client = try test.connect()
        let echo = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n42"

        client.send(hello + echo + "GET /held/x HTTP/1.1\r\nHost: a\r\n\r\n" + hello + echo + hello)
        #expect(client.receiveResponse()?.body == "hello")
        #expect(client.receiveResponse()?.body == "42")
        let exchange = try #require(await test.nextExchange())
        #expect(test.server.counters.requestCount.value == 3)
        let isAnswered = await test.onLoop {
            exchange.respond(HTTPResponse(status: .ok), body: Array("late".utf8), on: $0)
        }

        #expect(isAnswered)
        #expect(client.receiveResponse()?.body == "late")
        #expect(client.receiveResponse()?.body == "hello")
        #expect(client.receiveResponse()?.body == "42")
        #expect(client.receiveResponse()?.body == "hello")
        await test.server.shutdown(grace: .zero)
    }

    @Test func `thousands of pipelined requests are all answered`() async throws {
        let test = try await TestServer()
        let client = try test.connect()
        let count = 20_000

        client.sendInBackground(Array(String(repeating: hello, count: count).utf8))
        for _ in 0..<count { #expect(client.receiveResponse()?.body == "hello") }

        await test.server.shutdown(grace: .zero)
    }

    @Test func `a request split into single bytes is answered`() async throws {
        let test = try await TestServer()
        let client = try test.connect()

        for byte
            in "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
            .utf8
        {
            client.send([byte])
        }

        #expect(client.receiveResponse()?.body == "ok")
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a large body goes in and out unharmed`() async throws {
        let test = try await TestServer()
        let client = try test.connect()
        let body = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: 97 + $0 % 23) }
        let head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.count)\r\n\r\n"

        client.sendInBackground(Array(head.utf8) + body)
        let response = client.receiveResponse()

        #expect(response?.body == String(decoding: body, as: UTF8.self))
        await test.server.shutdown(grace: .zero)
    }

    @Test func `an error answer has the configured body, the Allow field and keeps the connection`()
        async throws
    {
        let test = try await TestServer()
        let client = try test.connect()

        client.send("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
        let missing = client.receiveResponse()
        client.send("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n")
        let wrongMethod = client.receiveResponse()
        client.send("OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\n")
        let options = client.receiveResponse()

        #expect(missing?.status == 404)
        #expect(missing?.body.hasPrefix("{\"error\"") == true)
        #expect(wrongMethod?.status == 405)
        #expect(wrongMethod?.head.contains("Allow: OPTIONS, POST\r\n") == true)
        #expect(options?.status == 204)
        #expect(options?.head.contains("Allow: OPTIONS, POST\r\n") == true)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `HEAD is answered as GET without the body`() async throws {
        let test = try await TestServer()
        let client = try test.connect()

        client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" + hello)

        #expect(client.receiveResponse(toHead: true)?.head.contains("Content-Length: 5") == true)
        #expect(client.receiveResponse()?.body == "hello")
        await test.server.shutdown(grace: .zero)
    }

    @Test func `100 Continue is sent before the body, and not where the answer is known`()
        async throws
    {
        let test = try await TestServer()
        let client = try test.connect()
        let other = try test.connect()
        let fields = "Host: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"

        client.send("POST /echo HTTP/1.1\r\n" + fields)
        #expect(client.receive(until: "HTTP/1.1 100 Continue\r\n\r\n"))
        client.send("ok")
        #expect(client.receiveResponse()?.body == "ok")
        other.send("POST /nowhere HTTP/1.1\r\n" + fields)
        #expect(other.receiveResponse()?.status == 404)
        #expect(other.receiveAll() == "")

        await test.server.shutdown(grace: .zero)
    }

    @Test func `a refused request is answered and the connection closed in order`() async throws {
        let test = try await TestServer()
        let client = try test.connect()
        let body = String(repeating: "x", count: 1 << 20)

        client.send(
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"
                + body)
        let all = client.receiveAll()

        #expect(all.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        #expect(all.contains("Connection: close\r\n"))
        #expect(client.ending == .endOfStream)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `HTTP 1_0 closes after the answer`() async throws {
        let test = try await TestServer()
        let client = try test.connect()

        client.send("GET /hello HTTP/1.0\r\n\r\n")

        #expect(client.receiveAll().hasSuffix("\r\n\r\nhello"))
        #expect(client.ending == .endOfStream)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a half-closed client gets answers that are ready`() async throws {
        let test = try await TestServer()
        let client = try test.connect()

        client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n" + hello)
        client.finishSending()
        let big = client.receiveResponse()

        #expect(big?.body.utf8.count == TestServer.bigBody.count)
        #expect(client.receiveResponse()?.body == "hello")
        #expect(client.receiveAll() == "")
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a Unix domain socket serves, and replaces what a dead server left`() async throws {
        let path = "/tmp/apus-test-\(ProcessInfo.processInfo.processIdentifier).sock"
        let left = try Listener(.unix(path: path), maxBacklog: 1)
        Socket(descriptor: left.descriptor).close()

        let test = try await TestServer(at: .unix(path: path))
        await #expect(throws: ListenError.self) { try await TestServer(at: .unix(path: path)) }
        let client = try test.connect()
        client.send(hello)

        #expect(client.receiveResponse()?.body == "hello")
        await test.server.shutdown(grace: .zero)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `a socket file has its mode, and nothing else is put in its place or taken away`()
        async throws
    {
        let path = "/tmp/apus-mode-\(ProcessInfo.processInfo.processIdentifier).sock"
        defer { try? FileManager.default.removeItem(atPath: path) }
        func mode() throws -> Int {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
        }

        try Data("precious".utf8).write(to: URL(filePath: path))
        await #expect(throws: ListenError.notASocket(path)) {
            try await TestServer(at: .unix(path: path, mode: 0o600))
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
        try FileManager.default.removeItem(atPath: path)

        for wanted in [0o600, 0o660, 0o666] {
            let test = try await TestServer(at: .unix(path: path, mode: UInt32(wanted)))
            #expect(try mode() == wanted)
            await test.server.shutdown(grace: .zero)
        }

        let first = try await TestServer(at: .unix(path: path, mode: 0o600))
        try FileManager.default.removeItem(atPath: path)
        let second = try await TestServer(at: .unix(path: path, mode: 0o600))
        await first.server.shutdown(grace: .zero)
        let client = try second.connect()
        client.send(hello)
        #expect(client.receiveResponse()?.body == "hello")
        await second.server.shutdown(grace: .zero)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `a taken port is an error that names it`() async throws {
        let test = try await TestServer()
        let other = try HTTPServer(HTTPServerConfiguration(routes: RouteTable()))

        let error = await #expect(throws: ListenError.self) {
            _ = try await other.listen(at: test.address)
        }

        #expect(error?.description.contains("\(test.address)") == true)
        await other.shutdown(grace: .zero)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `the access log has one record per exchange`() async throws {
        let test = try await TestServer()
        let client = try test.connect()

        client.send(hello)
        _ = client.receiveResponse()
        client.send("nonsense\r\n")
        _ = client.receiveAll()

        let records = test.accessRecords
        #expect(records.map(\.method) == ["GET", "-"])
        #expect(records.map(\.target) == ["/hello", "-"])
        #expect(records.map { $0.status?.code } == [200, 400])
        #expect(records.first?.bodyBytes == 5)
        #expect(records.allSatisfy { $0.cancelReason == nil })
        await test.server.shutdown(grace: .zero)
    }
}
