// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tokenization

@Suite struct DetokenizerTests {
    @Test func `a character waits until it is whole`() throws {
        let tokenizer = try TinyVocabulary.byteLevelTokenizer()
        let ids = try tokenizer.encode("é🦙", addSpecial: false, parseSpecial: false)
        var detokenizer = Detokenizer(tokenizer)

        let pieces = try ids.map { try detokenizer.append($0) }

        #expect(
            pieces.map { String(decoding: $0, as: UTF8.self) } == ["", "é", "", "", "", "🦙"])
        #expect(detokenizer.finish().isEmpty)
    }

    @Test func `a character that is never finished is replaced at the end`() throws {
        let tokenizer = try TinyVocabulary.byteLevelTokenizer()
        let ids = try tokenizer.encode("🦙", addSpecial: false, parseSpecial: false)
        var detokenizer = Detokenizer(tokenizer)

        for id in ids.dropLast() { #expect(try detokenizer.append(id).isEmpty) }

        #expect(detokenizer.finish() == [0xEF, 0xBF, 0xBD])
        #expect(detokenizer.finish().isEmpty)
    }

    @Test func `an id out of range changes nothing`() throws {
        let tokenizer = try TinyVocabulary.byteLevelTokenizer()
        let ids = try tokenizer.encode("é", addSpecial: false, parseSpecial: false)
        var detokenizer = Detokenizer(tokenizer)

        _ = try detokenizer.append(ids[0])
        #expect(throws: TokenizerError.self) { try detokenizer.append(999) }

        #expect(try detokenizer.append(ids[1]) == Array("é".utf8))
    }

    @Test(arguments: UInt64(0)..<8)
    func `streamed random bytes are what decoding them at once gives`(seed: UInt64) throws {
        let tokenizer = try TinyVocabulary.byteLevelTokenizer()
        var generator = SeededGenerator(seed: seed)
        // Leads and continuations of all kinds, in and out of order.
        let bytes: [UInt8] = [
            0x41, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED,
            0xEF,
            0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
        ]
        for _ in 0..<2_000 {
            let raw = (0..<12).map { _ in bytes[Int(generator.next() % UInt64(bytes.count))] }
            let ids = try raw.map { byte in
                try #require((0..<256).first { tokenizer.vocabulary.tokens[$0].first == byte })
            }
            #expect(try stream(ids, tokenizer) == Array(String(decoding: raw, as: UTF8.self).utf8))
        }
    }

    @Test(arguments: PublishedVocabulary.names)
    func `streamed random ids are what decoding them at once gives`(name: String) throws {
        let tokenizer = try PublishedVocabulary.tokenizer(name)
        var generator = SeededGenerator(seed: 5)
        let count = UInt64(tokenizer.vocabulary.count)

        for _ in 0..<100 {
            let ids = (0..<60).map { _ in Int32(generator.next() % count) }
            let shown = ids.filter {
                let type = tokenizer.vocabulary.type(of: $0)
                return type != .control && type != .unknown
            }
            let bytes = try shown.flatMap { try tokenizer.tokenBytes($0) }
            let streamed = try stream(ids, tokenizer)
            #expect(streamed == Array(String(decoding: bytes, as: UTF8.self).utf8))
        }
    }

    private func stream(_ ids: [Int32], _ tokenizer: Tokenizer) throws -> [UInt8] {
        var detokenizer = Detokenizer(tokenizer, continuesText: true)
        var streamed: [UInt8] = []
        for id in ids {
            let piece = try detokenizer.append(id)
            #expect(String(validating: piece, as: UTF8.self) != nil)
            streamed += piece
        }
        return streamed + detokenizer.finish()
    }
}
