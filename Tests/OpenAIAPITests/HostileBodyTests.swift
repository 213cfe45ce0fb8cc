// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import OpenAIAPI

@Suite struct HostileBodyTests {
    /// A valid body in which every field group and every JSON kind occurs.
    private static let valid = Array(
        #"""
        {"model":"m","prompt":["zażółć 🦉\n\u00e9\ud83e\udd89",[1,22,333]],"max_tokens":5,"n":2,
        "temperature":0.5e0,"logit_bias":{"5":-1.5},"stop":["a"],"stream":true,
        "stream_options":{"include_usage":true},"seed":-7,"user":null,"metadata":{"k":"v"},"zz":[]}
        """#.utf8)

    private func decode(_ body: [UInt8]) throws(APIError) -> CompletionRequest {
        try .decode(body)
    }

    @Test func `every prefix of a valid body is a 400`() throws {
        _ = try decode(Self.valid)

        for count in 0..<Self.valid.count {
            let error = #expect(throws: APIError.self) { try decode(Array(Self.valid[..<count])) }
            #expect(error?.status == 400, "prefix of \(count) bytes")
        }
    }

    @Test(arguments: [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF] as [UInt8])
    func `a body with any byte changed is read or a 400`(mask: UInt8) {
        var refusedCount = 0
        for index in Self.valid.indices {
            var body = Self.valid
            body[index] ^= mask
            do throws(APIError) {
                let request = try decode(body)
                #expect(!request.prompts.isEmpty)
            } catch {
                #expect(error.status == 400, "byte \(index)")
                refusedCount += 1
            }
        }
        #expect(refusedCount > Self.valid.count / 4)
    }

    @Test(arguments: UInt64(1)...20)
    func `random bytes put into a body are read or a 400`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            var body = Self.valid
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let start = Int.random(in: 0..<body.count, using: &generator)
                let end = min(body.count, start + Int.random(in: 0...6, using: &generator))
                let bytes = (0..<Int.random(in: 0...6, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                body.replaceSubrange(start..<end, with: bytes)
            }
            do throws(APIError) {
                _ = try decode(body)
            } catch {
                #expect(error.status == 400)
            }
        }
    }

    @Test(arguments: [
        "", " ", "null", "[]", "5", "\"x\"", "true", #"{"prompt":"x"} {}"#, #"{"prompt":"x"}]"#,
        #"{"prompt":"x","temperature":NaN}"#, #"{"prompt":"x","temperature":Infinity}"#,
        #"{"prompt":"x","temperature":1e400}"#, #"{"prompt":"x","unknown":1e400}"#,
        #"{"prompt":"x","prompt":"y"}"#, #"{"prompt":"x","u":{"a":1,"a":2}}"#,
    ])
    func `a strange body is a 400`(body: String) {
        let error = #expect(throws: APIError.self) { try decode(Array(body.utf8)) }

        #expect(error?.status == 400)
        #expect(error?.message.isEmpty == false)
    }

    @Test func `ten thousand brackets in an unknown field are a 400`() {
        let body = #"{"prompt":"x","unknown":"# + String(repeating: "[", count: 10_000)

        let error = #expect(throws: APIError.self) { try decode(Array(body.utf8)) }

        #expect(error?.message.contains("64 levels") == true)
    }

    @Test func `a prompt of ten megabytes of ids is read whole`() throws {
        let idCount = 1_700_000
        let ids = (0..<idCount).map { String(100_000 + $0 % 28_000) }.joined(separator: ",")

        let request = try decode(Array("{\"prompt\":[\(ids)]}".utf8))

        guard case .tokens(let tokens)? = request.prompts.first else {
            Issue.record("wanted token ids")
            return
        }
        #expect(tokens.count == idCount)
        #expect(tokens[27_999] == 127_999)
    }
}
