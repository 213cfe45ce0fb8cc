// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPServing

struct RequestParserTests {
    @Test func `a request is taken apart into method, target, host, fields and body`() {
        let trace = ParserTrace(
            "POST /v1/x?y HTTP/1.1\r\nHost: h:1\r\nContent-Length: 2\r\nA: b\r\n\r\nok")

        #expect(
            trace.events == [
                "POST /v1/x?y h:1 http11 true [\"Host: h:1\", \"Content-Length: 2\", \"A: b\"] 2"
            ])
        #expect(trace.bodies == [Array("ok".utf8)])
    }

    @Test(arguments: validRequests)
    func `a valid request is accepted once and leaves the parser idle`(text: String) {
        let trace = ParserTrace(text)

        #expect(trace.refusal == nil)
        #expect(trace.bodies.count == 1)
        #expect(trace.progress == .idle)
    }

    @Test(arguments: validRequests)
    func `a prefix of a valid request is waited for`(text: String) {
        let bytes = Array(text.utf8)
        for length in 0..<bytes.count {
            let trace = ParserTrace([bytes[..<length]])

            #expect(trace.refusal == nil)
            #expect(trace.bodies.isEmpty)
            #expect((trace.progress == .idle) == (length == 0))
        }
    }

    @Test(arguments: validRequests)
    func `a split anywhere changes nothing`(text: String) {
        let bytes = Array(text.utf8)
        let whole = ParserTrace([bytes[...]])

        for split in 0...bytes.count {
            #expect(ParserTrace([bytes[..<split], bytes[split...]]) == whole)
        }
        #expect(ParserTrace(bytes.indices.map { bytes[$0...$0] }) == whole)
    }

    @Test(arguments: validRequests)
    func `a flipped byte gives the same verdict in every split, and no crash`(text: String) {
        let original = Array(text.utf8)
        for index in original.indices {
            for mask: UInt8 in [0x01, 0x20, 0x80, 0xff] {
                var bytes = original
                bytes[index] ^= mask
                let whole = ParserTrace([bytes[...]])

                #expect(ParserTrace(bytes.indices.map { bytes[$0...$0] }) == whole)
                #expect(ParserTrace([bytes[...index], bytes[(index + 1)...]]) == whole)
            }
        }
    }

    @Test func `pipelined requests come out one by one`() {
        let trace = ParserTrace(validRequests.joined())

        #expect(trace.refusal == nil)
        #expect(trace.bodies.count == validRequests.count)
    }

    @Test func `a chunked body is put together without its framing`() {
        let trace = ParserTrace(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: gone\r\n\r\n")

        #expect(trace.bodies == [Array("abc0123456789".utf8)])
        #expect(!trace.description.contains("gone"))
    }

    @Test func `the head of a request that expects 100 comes before its body`() {
        let trace = ParserTrace(
            "POST /up HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")

        #expect(trace.events == ["continue /up"])
        #expect(trace.progress == .body)
    }

    @Test(arguments: [
        ("HTTP/1.1\r\nHost: a\r\n", true), ("HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", false),
        ("HTTP/1.0\r\n", false), ("HTTP/1.0\r\nConnection: keep-alive\r\n", true),
        ("HTTP/1.0\r\nConnection: keep-alive, close\r\n", false),
    ])
    func `a connection lives on as version and Connection say`(head: String, keepsAlive: Bool) {
        let trace = ParserTrace("GET / \(head)\r\n")

        #expect(trace.events.first?.contains(" \(keepsAlive) ") == true)
    }
}
