// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPServing

struct ParserFuzzTests {
    /// Pieces that meet the parser's decisions more often than random bytes would.
    private static let fragments: [String] =
        validRequests + [
            "\r\n", "\n", "\r", " ", "\t", ":", ";", ",", "\0", "\u{7f}", "HTTP/1.1", "HTTP/1.0",
            "GET ", "POST / HTTP/1.1\r\n", "Host: a\r\n", "Content-Length: ",
            "Content-Length: 7\r\n",
            "Transfer-Encoding: chunked\r\n", "0\r\n\r\n", "5\r\nhello\r\n", "ffffffffffffffff",
            "-1",
        ]

    @Test(arguments: 1...40)
    func `spliced and mangled input neither crashes nor depends on its split`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var limits = MessageLimits()
        limits.maxRequestLineBytes = 64
        limits.maxHeaderBytes = 160
        limits.maxFieldCount = 4
        limits.maxBodyBytes = 12

        for _ in 0..<50 {
            let bytes = Self.mangled(&random)
            let whole = ParserTrace([bytes[...]], limits: limits)
            var cuts = [0, bytes.count]
            for _ in 0..<4 { cuts.append(.random(in: 0...bytes.count, using: &random)) }
            cuts.sort()
            let pieces = zip(cuts, cuts.dropFirst()).map { bytes[$0..<$1] }

            #expect(ParserTrace(pieces, limits: limits) == whole)
            #expect(whole.bodies.allSatisfy { $0.count <= limits.maxBodyBytes })
        }
    }

    private static func mangled(_ random: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 1..<8, using: &random) {
            bytes += (fragments.randomElement(using: &random) ?? "").utf8
        }
        for _ in 0..<Int.random(in: 0..<3, using: &random) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes[index] = .random(in: 0...255, using: &random)
            case 1: bytes.remove(at: index)
            default: bytes.insert(bytes[index], at: index)
            }
        }
        return bytes
    }
}
