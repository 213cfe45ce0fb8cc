// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import HTTPServing

/// What Python's gzip and zlib modules make of `plain`.
private let plain = Array(#"{"prompt":"hello hello hello"}"#.utf8)
private let gzipped = bytes("H4sIAAAAAAACA6tWKijKzy0oUbJSykjNyclXQCKVagE4vBuHHgAAAA==")
private let deflated = bytes("eJyrViooys8tKFGyUspIzcnJV0AilWoBp6sK2Q==")

private func bytes(_ base64: String) -> [UInt8] {
    Data(base64Encoded: base64).map(Array.init) ?? []
}

struct RequestCodingTests {
    private func request(
        _ coding: String, _ body: [UInt8], chunkBytes: Int? = nil
    ) -> [UInt8] {
        let head = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Encoding: \(coding)\r\n"
        guard let chunkBytes else {
            return Array("\(head)Content-Length: \(body.count)\r\n\r\n".utf8) + body
        }
        var all = Array("\(head)Transfer-Encoding: chunked\r\n\r\n".utf8)
        for start in stride(from: 0, to: body.count, by: chunkBytes) {
            let chunk = body[start..<min(start + chunkBytes, body.count)]
            all += Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + Array("\r\n".utf8)
        }
        return all + Array("0\r\n\r\n".utf8)
    }

    private func trace(
        _ request: [UInt8], step: Int = .max, limits: MessageLimits = MessageLimits()
    ) -> ParserTrace {
        let step = min(step, request.count)
        let pieces = stride(from: 0, to: request.count, by: step).map {
            request[$0..<min($0 + step, request.count)]
        }
        return ParserTrace(pieces, limits: limits)
    }

    @Test(arguments: [1, 2, 7, .max], [nil, 1, 5, 1000])
    func `a coded body is expanded, in any split and any chunks`(step: Int, chunkBytes: Int?) {
        #expect(!gzipped.isEmpty && !deflated.isEmpty)
        for (coding, body) in [
            ("gzip", gzipped), ("x-gzip", gzipped), ("Deflate", deflated), ("identity", plain),
            ("gzip", gzipped + gzipped),
        ] {
            let found = trace(request(coding, body, chunkBytes: chunkBytes), step: step)

            #expect(found.refusal == nil)
            let isTwice = body.count > gzipped.count
            #expect(found.bodies == [isTwice && coding == "gzip" ? plain + plain : plain])
        }
    }

    @Test(arguments: 0..<33)
    func `a coded body that ends too early is refused`(count: Int) {
        for (coding, body) in [("gzip", gzipped), ("deflate", deflated)] where count < body.count {
            let found = trace(request(coding, Array(body.prefix(count))))

            // A length of 0 is no body at all.
            #expect(found.refusal == (count == 0 ? nil : .malformedContent))
            #expect(found.bodies.isEmpty == (count > 0))
        }
    }

    @Test func `damage is found, or harmless`() {
        for index in gzipped.indices {
            for bit in 0..<8 {
                var damaged = gzipped
                damaged[index] ^= 1 << UInt8(bit)
                let found = trace(request("gzip", damaged))
                // The header's time, flags and system are free to be anything.
                let isFree = (3..<10).contains(index)
                #expect(
                    found.refusal == .malformedContent || (isFree && found.bodies == [plain]),
                    "byte \(index), bit \(bit): \(found)")
            }
        }
    }

    @Test(arguments: ["br", "gzip, gzip", "gzip, deflate", "compress", "zstd", "aws-chunked", ""])
    func `another coding is refused before the body`(coding: String) {
        let head =
            "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nContent-Encoding: \(coding)\r\n\r\n"

        #expect(ParserTrace(head).refusal == .unsupportedContentCoding)
    }

    @Test func `two fields are two codings`() {
        let head =
            "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n"
            + "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n\r\n"

        #expect(ParserTrace(head).refusal == .unsupportedContentCoding)
    }

    @Test func `what follows the coded body in it is refused`() {
        #expect(trace(request("deflate", deflated + [0])).refusal == .malformedContent)
        #expect(trace(request("gzip", gzipped + [0])).refusal == .malformedContent)
        #expect(trace(request("gzip", deflated)).refusal == .malformedContent)
        #expect(trace(request("deflate", gzipped)).refusal == .malformedContent)
    }

    @Test(arguments: [nil, 1000])
    func `a body is refused by what it expands to`(chunkBytes: Int?) throws {
        var limits = MessageLimits()
        limits.maxBodyBytes = 100_000
        let most = try #require(GzipEncoder.encoded(noise(100_000)))
        let more = try #require(GzipEncoder.encoded(noise(100_001)))

        let accepted = trace(request("gzip", most, chunkBytes: chunkBytes), limits: limits)
        let refused = trace(request("gzip", more, chunkBytes: chunkBytes), limits: limits)

        #expect(accepted.bodies == [noise(100_000)])
        #expect(refused.refusal == .bodyTooLarge(maxBytes: 100_000))
    }

    @Test func `a bomb is refused long before the limit of bodies`() throws {
        let zeros = [UInt8](repeating: 0, count: 16 << 20)
        let bomb = try #require(GzipEncoder.encoded(zeros))
        #expect(bomb.count < 1 << 20)

        guard case .bodyTooLarge(let bytes) = trace(request("gzip", bomb), step: 4096).refusal
        else {
            Issue.record("not refused")
            return
        }

        #expect(bytes >= ContentDecoder.freeExpandedBytes)
        #expect(bytes <= bomb.count * ContentDecoder.maxExpansionFactor)
    }

    @Test func `empty blocks without end are refused`() {
        var limits = MessageLimits()
        limits.maxBodyBytes = 10_000
        // A gzip head, then stored blocks of no bytes.
        let endless =
            Array(gzipped.prefix(10))
            + Array(repeating: [0, 0, 0, 0xff, 0xff], count: 3000).joined()

        let found = trace(request("gzip", endless, chunkBytes: 50), limits: limits)

        #expect(found.refusal == .bodyTooLarge(maxBytes: 10_000))
    }

    /// Letters that shrink to about half.
    private func noise(_ count: Int) -> [UInt8] {
        var state: UInt32 = 1
        return (0..<count).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(ascii: "a") + UInt8(state >> 28)
        }
    }

    @Test func `what is refused does not depend on the split where content and chunks are damaged`()
    {
        var damaged = deflated
        damaged[5] ^= 0xFF
        var body = request("deflate", damaged, chunkBytes: 100)
        // The chunk is longer than it says.
        body.insert(0, at: body.count - 7)

        let whole = trace(body)

        #expect(whole.refusal == .malformedContent)
        for step in [1, 2, 7, 100] { #expect(trace(body, step: step) == whole) }
    }
}
