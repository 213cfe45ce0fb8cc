// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Testing

@testable import HTTPServing

/// A request and the refusal that it must meet.
struct BadRequest: CustomTestStringConvertible, Sendable {
    var text: String
    var refusal: Refusal
    var testDescription: String { text.debugDescription }

    init(_ text: String, _ refusal: Refusal) {
        self.text = text
        self.refusal = refusal
    }

    /// A request that is good but for these fields.
    static func fields(_ fields: String, _ refusal: Refusal) -> BadRequest {
        BadRequest("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n", refusal)
    }

    /// A chunked request that is good but for this body.
    static func chunks(_ body: String, _ refusal: Refusal = .malformedChunk) -> BadRequest {
        BadRequest(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(body)", refusal)
    }
}

struct RefusalTests {
    static let requestLines: [BadRequest] = [
        BadRequest("GET  / HTTP/1.1\r\n", .malformedRequestLine),
        BadRequest("GET /  HTTP/1.1\r\n", .malformedRequestLine),
        BadRequest(" GET / HTTP/1.1\r\n", .malformedRequestLine),
        BadRequest("GET / HTTP/1.1 \r\n", .malformedRequestLine),
        BadRequest("GET /\r\n", .malformedRequestLine),
        BadRequest("GET / HTTP/1.1\n", .malformedRequestLine),
        BadRequest("GET / HTTP/1.1\r\r\n", .malformedRequestLine),
        BadRequest("G\tT / HTTP/1.1\r\n", .malformedRequestLine),
        BadRequest("GET / http/1.1\r\n", .malformedRequestLine),
        BadRequest("GET / HTTP/11\r\n", .malformedRequestLine),
        BadRequest("\r\n\r\nGET / HTTP/1.1\r\n", .malformedRequestLine),
        BadRequest("\u{16}\u{3}\u{1}", .malformedRequestLine),
        BadRequest(String(repeating: "G", count: 40) + " / HTTP/1.1\r\n", .malformedRequestLine),
        BadRequest("GET / HTTP/2.0\r\n", .unsupportedVersion),
        BadRequest("GET / HTTP/0.9\r\n", .unsupportedVersion),
        BadRequest("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
        BadRequest("GET a HTTP/1.1\r\n", .malformedTarget),
        BadRequest("GET * HTTP/1.1\r\n", .malformedTarget),
        BadRequest("GET /a#b HTTP/1.1\r\n", .malformedTarget),
        BadRequest("GET /\u{e9} HTTP/1.1\r\n", .malformedTarget),
        BadRequest("GET /\u{0} HTTP/1.1\r\n", .malformedTarget),
        BadRequest("GET ftp://a/ HTTP/1.1\r\n", .malformedTarget),
        BadRequest("GET http:///a HTTP/1.1\r\n", .malformedTarget),
        BadRequest("GET http://u@a/ HTTP/1.1\r\n", .malformedTarget),
        BadRequest("CONNECT a:443 HTTP/1.1\r\n", .unsupportedMethod),
    ]

    static let fields: [BadRequest] = [
        .fields("A : b", .malformedField),
        .fields(": b", .malformedField),
        .fields("A b", .malformedField),
        .fields("A: b\r\n c", .malformedField),
        .fields("A: b\r\n\tc", .malformedField),
        .fields(" A: b", .malformedField),
        .fields("A: b\nC: d", .malformedField),
        .fields("A: b\rC: d", .malformedField),
        .fields("A: \u{0}", .malformedField),
        .fields("A: \u{7f}", .malformedField),
        .fields("A: \u{b}", .malformedField),
        .fields("A\u{0}: b", .malformedField),
        .fields("\u{e9}: b", .malformedField),
        .fields("Expect: 200-ok", .unsupportedExpectation),
        .fields("Host: a", .malformedHost),
        .fields("Host: b", .malformedHost),
        BadRequest("GET / HTTP/1.1\r\n\r\n", .malformedHost),
        BadRequest("GET http://a/ HTTP/1.1\r\n\r\n", .malformedHost),
        BadRequest("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .malformedHost),
        BadRequest("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .malformedHost),
        BadRequest("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .malformedHost),
        BadRequest("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .malformedHost),
    ]

    static let framing: [BadRequest] = [
        .fields("Accept: a", .lengthRequired),
        BadRequest("PUT / HTTP/1.1\r\nHost: a\r\n\r\n", .lengthRequired),
        BadRequest("PATCH / HTTP/1.0\r\n\r\n", .lengthRequired),
        .fields("Content-Length: 1\r\nTransfer-Encoding: chunked", .conflictingLengths),
        .fields("Transfer-Encoding: chunked\r\nContent-Length: 1", .conflictingLengths),
        .fields("Content-Length: 0\r\nTransfer-Encoding: chunked", .conflictingLengths),
        .fields("Content-Length: 1\r\nContent-Length: 2", .malformedLength),
        .fields("Content-Length: 1\r\nContent-Length: 1", .malformedLength),
        .fields("Content-Length: 1, 1", .malformedLength),
        .fields("Content-Length:", .malformedLength),
        .fields("Content-Length: +1", .malformedLength),
        .fields("Content-Length: -1", .malformedLength),
        .fields("Content-Length: 0x1", .malformedLength),
        .fields("Content-Length: 1 2", .malformedLength),
        .fields("Content-Length: 1.0", .malformedLength),
        .fields("Content-Length: \u{661}", .malformedLength),
        .fields("Content-Length: 99999999999999999999", .malformedLength),
        .fields("Content-Length: 33554433", .bodyTooLarge(maxBytes: 33_554_432)),
        .fields("Content-Length: 9223372036854775807", .bodyTooLarge(maxBytes: 33_554_432)),
        .fields("Transfer-Encoding: gzip", .unknownTransferCoding),
        .fields("Transfer-Encoding: gzip, chunked", .unknownTransferCoding),
        .fields("Transfer-Encoding: chunked, identity", .unknownTransferCoding),
        .fields("Transfer-Encoding: xchunked", .unknownTransferCoding),
        .fields("Transfer-Encoding: chunked;q=1", .unknownTransferCoding),
        .fields("Transfer-Encoding: \"chunked\"", .unknownTransferCoding),
        .fields("Transfer-Encoding: chunked, chunked", .invalidTransferCoding),
        .fields(
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .invalidTransferCoding),
        .fields("Transfer-Encoding:", .invalidTransferCoding),
        .fields("Transfer-Encoding: ,chunked", .invalidTransferCoding),
        .fields("Transfer-Encoding: \u{b}chunked", .malformedField),
        .fields("Transfer-Encoding : chunked", .malformedField),
        .fields("Transfer-Encoding: chun\u{212a}ed", .malformedField),
        .fields("Transfer-Encoding: chunked\u{301}", .malformedField),
        .fields("Connection: \u{212a}eep-alive", .malformedField),
        .fields("Connection: close,\u{301}x", .malformedField),
        .fields("Expect: 100\u{2010}continue", .unsupportedExpectation),
        BadRequest(
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .invalidTransferCoding),
    ]

    static let chunks: [BadRequest] = [
        .chunks("\r\n"), .chunks("g\r\n"), .chunks("0x5\r\n"), .chunks("+5\r\n"), .chunks("-5\r\n"),
        .chunks("5 \r\n"), .chunks(" 5\r\n"), .chunks("5\n"), .chunks("5\r\r\n"), .chunks(";a\r\n"),
        .chunks("5\r\nhello" + "x\r\n"), .chunks("5\r\nhello\n"), .chunks("5\r\nhello\rx"),
        .chunks("5;\u{0}\r\n"), .chunks("5;a\rb\r\n"),
        .chunks("0\r\nbad trailer\r\n", .malformedField),
        .chunks("0\r\n folded: x\r\n", .malformedField), .chunks("0\r\n\n"),
        .chunks("0000000000000005\r\n"),
        .chunks("5;" + String(repeating: "x", count: 300) + "\r\n"),
        .chunks("2000001\r\n", .bodyTooLarge(maxBytes: 33_554_432)),
        .chunks("7fffffffffffff\r\n", .bodyTooLarge(maxBytes: 33_554_432)),
        .chunks("fffffffffffffff\r\n", .bodyTooLarge(maxBytes: 33_554_432)),
        .chunks("ffffffffffffffff\r\n"),
    ]

    @Test(arguments: requestLines + fields + framing + chunks)
    func `a malformed request is refused, and alike in every split`(bad: BadRequest) {
        let bytes = Array(bad.text.utf8)
        let whole = ParserTrace([bytes[...]])

        #expect(whole.refusal == bad.refusal)
        #expect(ParserTrace(bytes.indices.map { bytes[$0...$0] }) == whole)
    }

    @Test(arguments: [1 << 20, 16, 8193])
    func `a request line above its bound is refused before it ends`(length: Int) {
        let limits = MessageLimits()
        let bytes = Array("GET /".utf8) + Array(repeating: UInt8(ascii: "a"), count: length)
        let whole = ParserTrace([bytes[...]])
        let isTooLong = bytes.count >= limits.maxRequestLineBytes

        #expect((whole.refusal == .requestLineTooLong(maxBytes: 8192)) == isTooLong)
    }

    @Test(arguments: 8180...8200)
    func `the bound of the request line is exact`(length: Int) {
        let line = "GET /" + String(repeating: "a", count: length - 16) + " HTTP/1.1\r\n"
        let refusal = ParserTrace(line).refusal

        #expect(line.utf8.count == length)
        #expect(refusal == (length > 8192 ? .requestLineTooLong(maxBytes: 8192) : nil))
    }

    @Test func `header fields of a megabyte are refused, one or many`() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\n"
        let one = "A: " + String(repeating: "x", count: 1 << 20)
        let many = String(repeating: "A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n", count: 25_000)
        var limits = MessageLimits()
        limits.maxFieldCount = 100_000

        #expect(ParserTrace(head + one).refusal == .fieldsTooLarge(maxBytes: 32_768))
        #expect(
            ParserTrace(head + many, limits: limits).refusal == .fieldsTooLarge(maxBytes: 32_768))
        #expect(ParserTrace(head + many).refusal == .tooManyFields(maxCount: 128))
    }

    @Test func `a body is refused by what it is, not only by what it says`() {
        var limits = MessageLimits()
        limits.maxBodyBytes = 10
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

        #expect(
            ParserTrace(head + "a\r\n0123456789\r\n0\r\n\r\n", limits: limits).bodies.count == 1)
        #expect(
            ParserTrace(head + "5\r\n01234\r\n6\r\n567", limits: limits).refusal
                == .bodyTooLarge(maxBytes: 10))
    }

    @Test func `trailers and chunk extensions are bounded together`() {
        var limits = MessageLimits()
        limits.maxHeaderBytes = 1000
        limits.maxRequestLineBytes = 100
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        let trailers = String(repeating: "T: v\r\n", count: 160)
        let extensions = String(repeating: "1;xxxxxxxxx\r\na\r\n", count: 90)

        #expect(ParserTrace(head + "0\r\n" + trailers + "\r\n", limits: limits).refusal == nil)
        #expect(ParserTrace(head + extensions + "0\r\n\r\n", limits: limits).refusal == nil)
        #expect(
            ParserTrace(head + extensions + "0\r\n" + trailers, limits: limits).refusal
                == .malformedChunk)
    }

    @Test func `every refusal has an error status and a message`() {
        for bad in Self.requestLines + Self.fields + Self.framing + Self.chunks {
            #expect(bad.refusal.status.code >= 400)
            #expect(bad.refusal.message.hasSuffix("."))
        }
    }
}
