// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Testing

@testable import HTTPServing

struct ResponseCodingTests {
    private static let content = Array(String(repeating: "data to be sent, ", count: 200).utf8)

    private func exchange(
        _ fields: String, method: String = "GET", version: String = "1.1",
        _ answer: (inout ConnectionState, inout OutputQueue) -> Void
    ) -> (head: String, body: [UInt8]) {
        var state = ConnectionState(limits: MessageLimits())
        var output = OutputQueue()
        var offset = 0
        let request = "\(method) / HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n"
        _ = state.receive(Array(request.utf8).span, at: &offset)
        answer(&state, &output)
        let all = bytes(of: output)
        let end = all.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound ?? all.count
        return (String(decoding: all[..<end], as: UTF8.self), Array(all[end...]))
    }

    private func whole(
        _ fields: String, method: String = "GET", type: String = "application/json",
        body: [UInt8] = content
    ) -> (head: String, body: [UInt8]) {
        exchange(fields, method: method) {
            let response = HTTPResponse(status: .ok, headerFields: [.contentType: type])
            $0.respond(response, body: body, date: Array("today".utf8), into: &$1)
        }
    }

    private func expanded(_ coded: [UInt8]) throws -> [UInt8] {
        let decoder = try ContentDecoder(.gzip, maxBodyBytes: 1 << 20)
        var body: [UInt8] = []
        try decoder.decode(coded.span, into: &body)
        #expect(decoder.isComplete)
        return body
    }

    @Test func `a whole response is coded for who wants it`() throws {
        let (head, body) = whole("Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n")

        #expect(head.contains("\r\nContent-Encoding: gzip\r\n"))
        #expect(head.contains("\r\nVary: Accept-Encoding\r\n"))
        #expect(head.contains("\r\nContent-Length: \(body.count)\r\n"))
        #expect(body.count < Self.content.count / 4)
        #expect(try expanded(body) == Self.content)
    }

    @Test func `HEAD has the fields of GET`() {
        let get = whole("Accept-Encoding: gzip\r\n")
        let head = whole("Accept-Encoding: gzip\r\n", method: "HEAD")

        #expect(head.head == get.head)
        #expect(head.body.isEmpty)
    }

    @Test func `a response is sent as it is to others, with Vary`() {
        for fields in ["", "Accept-Encoding: identity\r\n", "Accept-Encoding: gzip;q=0\r\n"] {
            let (head, body) = whole(fields)

            #expect(!head.contains("Content-Encoding"))
            #expect(head.contains("\r\nVary: Accept-Encoding\r\n"))
            #expect(body == Self.content)
        }
    }

    @Test func `what is small, huge, dense or not text is sent as it is`() {
        let small = [UInt8](repeating: 65, count: ResponseCoding.minBytes - 1)
        let huge = [UInt8](repeating: 65, count: ResponseCoding.maxBytes + 1)
        let dense =
            (GzipEncoder.encoded(Self.content + Self.content) ?? [])
            + (0..<2000).map {
                UInt8(truncatingIfNeeded: $0 &* $0 &* 31 &+ ($0 >> 3) &* 101)
            }
        for (type, body) in [
            ("text/plain", small), ("text/plain", huge), ("image/png", Self.content),
            ("", Self.content),
        ] {
            let found = whole("Accept-Encoding: gzip\r\n", type: type, body: body)
            #expect(found.body == body)
            #expect(!found.head.contains("gzip"))
        }
        let found = whole("Accept-Encoding: gzip\r\n", type: "text/plain", body: dense)
        #expect(found.body.count <= dense.count)
    }

    @Test func `a coding of one request is not that of the next`() {
        var state = ConnectionState(limits: MessageLimits())
        var output = OutputQueue()
        for fields in ["Accept-Encoding: gzip\r\n", ""] {
            var offset = 0
            _ = state.receive(
                Array("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8).span, at: &offset)
            output = OutputQueue()
            let response = HTTPResponse(status: .ok, headerFields: [.contentType: "text/plain"])
            state.respond(response, body: Self.content, date: [], into: &output)
        }

        #expect(!text(of: output, step: 1 << 20).contains("Content-Encoding"))
    }

    private func stream(_ fields: String, version: String = "1.1") -> (head: String, body: [UInt8])
    {
        exchange(fields, version: version) { state, output in
            let response = HTTPResponse(
                status: .ok, headerFields: [.contentType: "text/event-stream"])
            state.begin(response, date: [], into: &output)
            for number in 0..<100 {
                state.write(Array("data: \(number)\n\n".utf8), into: &output)
            }
            state.finish(into: &output)
        }
    }

    private static let events = Array((0..<100).map { "data: \($0)\n\n" }.joined().utf8)

    @Test func `a stream is coded only for a client that refuses to have it without`() throws {
        let asked = stream("Accept-Encoding: gzip, identity;q=0\r\n", version: "1.0")
        let usual = stream("Accept-Encoding: gzip, deflate\r\n", version: "1.0")

        #expect(asked.head.contains("Content-Encoding: gzip"))
        #expect(try expanded(asked.body) == Self.events)
        #expect(!usual.head.contains("Content-Encoding"))
        #expect(usual.body == Self.events)
    }

    @Test func `a coded stream is chunked in 1_1`() throws {
        let (head, body) = stream("Accept-Encoding: gzip, *;q=0\r\n")
        var chunks = ChunkedBody(limits: MessageLimits())
        var coded: [UInt8] = []
        var offset = 0

        #expect(head.contains("Transfer-Encoding: chunked"))
        #expect(try chunks.decode(body.span, at: &offset, into: &coded))
        #expect(offset == body.count)
        #expect(try expanded(coded) == Self.events)
    }

    @Test func `each event of a coded stream can be read when it was written`() throws {
        let encoder = try #require(GzipEncoder(forStream: true))
        let decoder = try ContentDecoder(.gzip, maxBodyBytes: 1 << 20)
        var body: [UInt8] = []

        for number in 0..<1000 {
            let event = Array("data: \(number)\n\n".utf8)
            try decoder.decode(encoder.write(event).span, into: &body)
            #expect(body.suffix(event.count) == event[...])
        }
        try decoder.decode(encoder.finish().span, into: &body)
        #expect(decoder.isComplete)
    }
}
