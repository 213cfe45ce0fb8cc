// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Testing

@testable import HTTPServing

struct ConnectionStateTests {
    private static let date = Array("today".utf8)

    /// Takes one request and answers it; what went out.
    private func answer(
        _ request: String, _ answer: (inout ConnectionState, inout OutputQueue) -> Void
    ) -> (text: String, phase: ConnectionState.Phase) {
        var state = ConnectionState(limits: MessageLimits())
        var output = OutputQueue()
        var offset = 0
        _ = state.receive(Array(request.utf8).span, at: &offset)
        answer(&state, &output)
        return (text(of: output), state.phase)
    }

    private func stream(_ state: inout ConnectionState, _ output: inout OutputQueue) {
        state.begin(HTTPResponse(status: .ok), date: Self.date, into: &output)
        state.write(Array("hello".utf8), into: &output)
        state.write([], into: &output)
        state.write(Array(" world, how are you".utf8), into: &output)
        state.finish(into: &output)
    }

    @Test func `a whole response states its length and keeps the connection`() {
        let (text, phase) = answer("GET / HTTP/1.1\r\nHost: a\r\n\r\n") { state, output in
            var response = HTTPResponse(status: .ok, headerFields: [.contentType: "text/plain"])
            response.headerFields[.contentLength] = "999"
            response.headerFields[.transferEncoding] = "chunked"
            state.respond(response, body: Array("hi".utf8), date: Self.date, into: &output)
        }

        #expect(
            text == "HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 2\r\n"
                + "Content-Type: text/plain\r\n\r\nhi")
        #expect(phase == .reading)
    }

    @Test func `a streamed response is chunked in 1_1`() {
        let (text, phase) = answer("GET / HTTP/1.1\r\nHost: a\r\n\r\n", stream)

        #expect(
            text == "HTTP/1.1 200 OK\r\nDate: today\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "5\r\nhello\r\n13\r\n world, how are you\r\n0\r\n\r\n")
        #expect(phase == .reading)
    }

    @Test func `a streamed response ends with the connection in 1_0`() {
        let (text, phase) = answer("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", stream)

        #expect(
            text == "HTTP/1.1 200 OK\r\nDate: today\r\nConnection: close\r\n\r\n"
                + "hello world, how are you")
        #expect(phase == .ended)
    }

    @Test func `a 1_0 client that asks for it keeps its connection`() {
        let (text, phase) = answer("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") {
            $0.respond(HTTPResponse(status: .ok), body: [], date: Self.date, into: &$1)
        }

        #expect(text.contains("Connection: keep-alive\r\n"))
        #expect(phase == .reading)
    }

    @Test func `HEAD gets the head alone, streamed or whole`() {
        let request = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
        let whole = answer(request) {
            $0.respond(
                HTTPResponse(status: .ok), body: Array("hi".utf8), date: Self.date, into: &$1)
        }
        let streamed = answer(request, stream)

        #expect(whole.text == "HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 2\r\n\r\n")
        #expect(streamed.text == "HTTP/1.1 200 OK\r\nDate: today\r\n\r\n")
        #expect(streamed.phase == .reading)
    }

    @Test(arguments: [HTTPResponse.Status.noContent, .notModified])
    func `a status without content has no body and no length`(status: HTTPResponse.Status) {
        let (text, _) = answer("GET / HTTP/1.1\r\nHost: a\r\n\r\n") {
            $0.respond(
                HTTPResponse(status: status), body: Array("hi".utf8), date: Self.date, into: &$1)
        }

        #expect(text.hasSuffix("Date: today\r\n\r\n"))
    }

    @Test func `a route may end the connection`() {
        let (text, phase) = answer("GET / HTTP/1.1\r\nHost: a\r\n\r\n") {
            $0.respond(
                HTTPResponse(status: .ok, headerFields: [.connection: "close"]), body: [],
                date: Self.date, into: &$1)
        }

        #expect(text.components(of: "Connection: close\r\n") == 1)
        #expect(phase == .ended)
    }

    @Test func `a field value cannot smuggle another field`() {
        let (text, _) = answer("GET / HTTP/1.1\r\nHost: a\r\n\r\n") {
            $0.respond(
                HTTPResponse(status: .ok, headerFields: [.location: "/a\r\nSet-Cookie: b"]),
                body: [], date: Self.date, into: &$1)
        }

        #expect(!text.contains("\r\nSet-Cookie"))
    }

    @Test(arguments: [
        ("", true), ("GET / HTTP/1.1\r\n", true),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n", true),
        ("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n", false),
    ])
    func `a request given up after HEAD is answered with a body, unless it is HEAD as well`(
        next: String, hasBody: Bool
    ) {
        let (text, phase) = answer("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n") { state, output in
            let ok = HTTPResponse(status: .ok)
            state.respond(ok, body: [65], date: Self.date, into: &output)
            var offset = 0
            _ = state.receive(Array(next.utf8).span, at: &offset)
            state.abandonRequest()
            let refusal = HTTPResponse(status: .unauthorized)
            state.respond(refusal, body: Array("no".utf8), date: Self.date, into: &output)
        }

        #expect(text.contains("Content-Length: 2\r\n"))
        #expect(text.hasSuffix("\r\n\r\nno") == hasBody)
        #expect(phase == .ended)
    }

    @Test func `a refused request can still be answered, as the last one`() {
        let (text, phase) = answer("nonsense\r\n") {
            $0.respond(HTTPResponse(status: .badRequest), body: [], date: Self.date, into: &$1)
        }

        #expect(text.contains("Connection: close\r\n"))
        #expect(phase == .ended)
    }
}

/// Takes everything out of a queue, in steps of a few bytes.
func text(of queue: OutputQueue, step: Int = 7) -> String {
    String(decoding: bytes(of: queue, step: step), as: UTF8.self)
}

/// Takes everything out of a queue, in steps of a few bytes.
func bytes(of queue: OutputQueue, step: Int = 7) -> [UInt8] {
    var queue = queue
    var bytes: [UInt8] = []
    while !queue.isEmpty {
        let taken = queue.withFirstBytes { first, second in
            let all = Array(first) + Array(second)
            return Array(all.prefix(step))
        }
        bytes += taken
        queue.removeFirst(taken.count)
    }
    return bytes
}

extension String {
    /// How often a text occurs.
    func components(of part: String) -> Int {
        ranges(of: part).count
    }
}
