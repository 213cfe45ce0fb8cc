// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Testing

@testable import HTTPServing

@Suite(.timeLimit(.minutes(2)))
struct AccessServerTests {
    private func policy(_ lines: String) throws -> AccessPolicy {
        AccessPolicy(
            keyring: try AccessKeyring(
                try AccessKeyring.keys(parsing: lines, defaultLimits: KeyLimits())),
            publicPaths: ["/hello"])
    }

    private func server(_ lines: String, cors: [String] = []) async throws -> TestServer {
        let access = try policy(lines)
        return try await TestServer(configure: {
            $0.access = access
            $0.cors = CORSPolicy(origins: cors)
        })
    }

    private func get(_ path: String, _ fields: String = "", method: String = "GET") -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
    }

    @Test(arguments: [
        "", "Authorization: Bearer\r\n", "Authorization: Bearer \r\n",
        "Authorization: secret-a\r\n",
        "Authorization: Basic secret-a\r\n", "Authorization: Bearer secret-A\r\n",
        "Authorization: Bearer secret-a secret-a\r\n", "Authorization: Bearer secret-b,\r\n",
        "Authorization: Bearer secret-a\r\nAuthorization: Bearer secret-a\r\n",
        "Authorization: Bearer a:secret-a\r\n", "X-Api-Key: secret-a\r\n",
    ])
    func `every path but the public ones wants a key`(fields: String) async throws {
        let test = try await server("a:secret-a\nb:secret-b\n")
        let client = try test.connect()

        for (method, path) in [
            ("GET", "/big"), ("GET", "/held/x"), ("GET", "/nowhere"), ("GET", "/hello/"),
            ("GET", "//hello"), ("DELETE", "/echo"), ("OPTIONS", "/echo"), ("OPTIONS", "*"),
            ("HEAD", "/big"),
        ] {
            client.send(get(path, fields, method: method))
            let response = client.receiveResponse(toHead: method == "HEAD")
            #expect(response?.status == 401, "\(method) \(path)")
            #expect(response?.head.contains("\r\nWWW-Authenticate: Bearer realm=\"apus\"") == true)
        }
        client.send(get("/hello?x", fields))
        #expect(client.receiveResponse()?.body == "hello")
        await test.server.shutdown(grace: .zero)
    }

    @Test func `the key's name reaches the route and the log`() async throws {
        let test = try await server("a:secret-a\nb:secret-b\n")
        let client = try test.connect()

        for (fields, name) in [
            ("Authorization: Bearer secret-b\r\n", "b"),
            ("authorization: bearer secret-a\r\n", "a"),
        ] {
            client.send(get("/who", fields))
            #expect(client.receiveResponse()?.body == name)
        }
        client.send(get("/hello"))
        _ = client.receiveResponse()

        #expect(test.accessRecords.map(\.keyName) == ["b", "a", nil])
        #expect(test.accessRecords.allSatisfy { $0.client == "127.0.0.1" })
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a body is not awaited from a client without a key`() async throws {
        let test = try await server("a:secret-a")
        for expectation in ["", "Expect: 100-continue\r\n"] {
            let client = try test.connect()
            client.send(
                "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\(expectation)\r\n")
            let all = client.receiveAll()

            #expect(all.hasPrefix("HTTP/1.1 401 "))
            #expect(all.contains("\r\nConnection: close\r\n"))
        }
        #expect(test.server.counters.requestCount.value == 0)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a refusal after HEAD on the same connection has its body`() async throws {
        let test = try await server("a:secret-a")
        let client = try test.connect()

        client.send(get("/hello", method: "HEAD"))
        #expect(client.receiveResponse(toHead: true)?.status == 200)
        client.send(get("/echo", "Content-Length: 1000\r\n", method: "POST"))
        let refused = client.receiveResponse()

        #expect(refused?.status == 401)
        #expect(refused?.body.hasPrefix("{\"error\"") == true)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `requests at the same time are bounded by key, and given back however they end`()
        async throws
    {
        let test = try await server("a:secret-a concurrent_requests=2\nb:secret-b\n")
        let held = get("/held/x", "Authorization: Bearer secret-a\r\n")
        func running() async -> Int { await test.onLoop { $0.access?.runningCount("a") ?? -1 } }
        let (first, second, third) = (try test.connect(), try test.connect(), try test.connect())

        first.send(held)
        let exchange = try #require(await test.nextExchange())
        second.send(held)
        let other = try #require(await test.nextExchange())
        third.send(held)
        let refused = third.receiveResponse()
        #expect(refused?.status == 429)
        #expect(refused?.head.contains("\r\nRetry-After: 1\r\n") == true)
        third.send(get("/who", "Authorization: Bearer secret-b\r\n"))
        #expect(third.receiveResponse()?.body == "b")
        #expect(await running() == 2)

        _ = await test.onLoop { exchange.respond(HTTPResponse(status: .ok), on: $0) }
        #expect(await running() == 1)
        second.reset()
        #expect(await test.nextEvent() == .cancelled(other, .departed))
        #expect(await running() == 0)
        third.send(held)
        let last = try #require(await test.nextExchange())
        await test.onLoop { last.abort(on: $0) }
        #expect(await running() == 0)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `requests a minute are bounded by key, refused ones with the time to wait`()
        async throws
    {
        let test = try await server("a:secret-a requests_per_minute=2\nb:secret-b\n")
        let client = try test.connect()
        let who = get("/who", "Authorization: Bearer secret-a\r\n")

        client.send(who + who + who + who + get("/who", "Authorization: Bearer secret-b\r\n"))
        let responses = (0..<5).map { _ in client.receiveResponse() }

        #expect(responses.map { $0?.status } == [200, 200, 429, 429, 200])
        #expect(responses[2]?.head.contains("\r\nRetry-After: 30\r\n") == true)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `other keys take the place of the old ones, and uses are kept`() async throws {
        let test = try await server("a:secret-a requests_per_minute=1\nb:secret-b\n")
        let client = try test.connect()
        func status(_ secret: String) -> Int? {
            client.send(get("/who", "Authorization: Bearer \(secret)\r\n"))
            return client.receiveResponse()?.status
        }
        #expect(status("secret-a") == 200)

        let other = try policy("a:secret-c requests_per_minute=1\n")
        await test.server.replaceAccess(other)

        #expect(status("secret-a") == 401)
        #expect(status("secret-b") == 401)
        #expect(status("secret-c") == 429)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `scripts of allowed pages may read answers, errors too, and ask before`()
        async throws
    {
        let test = try await server("a:secret-a", cors: ["https://chat.example"])
        let client = try test.connect()
        let origin = "Origin: https://chat.example\r\n"
        let ask =
            "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n"

        client.send(get("/echo", origin + ask, method: "OPTIONS"))
        let preflight = client.receiveResponse()
        #expect(preflight?.status == 204)
        for field in [
            "Access-Control-Allow-Origin: https://chat.example", "Vary: Origin",
            "Access-Control-Allow-Methods: OPTIONS, POST",
            "Access-Control-Allow-Headers: authorization", "Access-Control-Max-Age: 600",
        ] {
            #expect(preflight?.head.contains("\r\n\(field)\r\n") == true, "\(field)")
        }
        client.send(get("/big", origin))
        let refused = client.receiveResponse()
        #expect(refused?.status == 401)
        #expect(
            refused?.head.contains("\r\nAccess-Control-Allow-Origin: https://chat.example\r\n")
                == true)
        for fields in [
            "Origin: https://evil.example\r\n", "Origin: https://chat.example.evil\r\n", "",
        ] {
            client.send(get("/hello", fields) + get("/echo", fields + ask, method: "OPTIONS"))
            let answer = client.receiveResponse()
            #expect(answer?.status == 200)
            #expect(answer?.head.contains("Access-Control") == false)
            #expect(client.receiveResponse()?.head.contains("Access-Control") == false)
        }
        await test.server.shutdown(grace: .zero)
    }

    @Test func `without CORS there is none of it`() async throws {
        let test = try await TestServer()
        let client = try test.connect()
        client.send(get("/hello", "Origin: https://chat.example\r\n"))

        #expect(client.receiveResponse()?.head.contains("Access-Control") == false)
        #expect(CORSPolicy(origins: []) == nil)
        #expect(CORSPolicy(origins: ["chat.example"]) == nil)
        #expect(CORSPolicy(origins: ["https://a b"]) == nil)
        #expect(CORSPolicy(origins: ["*"])?.allows("https://any.example") == true)
        let kiosk = CORSPolicy(origins: ["https://kiosk.example"])
        #expect(kiosk?.allows("https://Kiosk.example") == true)
        #expect(kiosk?.allows("https://\u{212a}iosk.example") == false)
        await test.server.shutdown(grace: .zero)
    }

    @Test func `a request keeps the name that its client gave it, or gets one`() async throws {
        let test = try await TestServer()
        let client = try test.connect()
        func name(_ fields: String) -> Substring? {
            client.send(get("/hello", fields))
            let head = client.receiveResponse()?.head ?? ""
            guard let field = head.firstRange(of: "\r\nX-Request-Id: ") else { return nil }
            return head[field.upperBound...].prefix { $0 != "\r\n" }
        }

        #expect(name("X-Request-Id: mine-1\r\n") == "mine-1")
        for bad in ["a b", "a\"b", "a\\b", "\u{e9}", String(repeating: "x", count: 129), ""] {
            #expect(name("X-Request-ID: \(bad)\r\n")?.hasPrefix("req-") == true)
        }
        let names = (0..<100).map { _ in name("") }
        #expect(Set(names).count == 100)
        client.send("nonsense\r\n")
        #expect(client.receiveAll().contains("\r\nX-Request-Id: req-"))
        #expect(test.accessRecords.first?.requestID.description == "mine-1")
        #expect(Set(test.accessRecords.map(\.requestID)).count == 108)
        await test.server.shutdown(grace: .zero)
    }
}
