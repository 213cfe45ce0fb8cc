// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Tokenization

@Suite struct TokenizerTests {
    @Test func `merges apply in their order`() throws {
        let tokenizer = try TinyVocabulary.byteLevelTokenizer()

        let ids = try tokenizer.encode("hello wor", addSpecial: false, parseSpecial: false)

        #expect(ids == [259, 262])
        #expect(try tokenizer.decode(ids) == "hello wor")
    }

    @Test func `BOS and EOS are added only when asked for`() throws {
        var source = TinyVocabulary.byteLevel
        (source.bosID, source.eosID) = (265, 266)
        (source.addsBOS, source.addsEOS) = (true, true)
        let tokenizer = Tokenizer(try Vocabulary(source))

        #expect(
            try tokenizer.encode("he", addSpecial: true, parseSpecial: false) == [265, 256, 266])
        #expect(try tokenizer.encode("he", addSpecial: false, parseSpecial: false) == [256])
        #expect(try tokenizer.encode("", addSpecial: true, parseSpecial: false) == [265, 266])
    }

    @Test func `control tokens are found only when asked for, user-defined ones always`() throws {
        let tokenizer = try TinyVocabulary.byteLevelTokenizer()
        let text = "<|im|><|im_end|><tool>he<|im_"

        let parsed = try tokenizer.encode(text, addSpecial: false, parseSpecial: true)
        let plain = try tokenizer.encode(text, addSpecial: false, parseSpecial: false)

        #expect(Array(parsed.prefix(4)) == [267, 266, 268, 256])
        #expect(!plain.contains(267) && !plain.contains(266) && plain.contains(268))
        #expect(try tokenizer.decode(plain) == text)
        #expect(try tokenizer.decode(parsed) == "<tool>he<|im_")
        #expect(try tokenizer.decode(parsed, showsControl: true) == text)
    }

    @Test func `ids out of range are refused`() throws {
        let tokenizer = try TinyVocabulary.byteLevelTokenizer()

        for id: Int32 in [-1, 269, .max, .min] {
            let error = TokenizerError.idOutOfRange(key: "token", id: Int(id), count: 269)
            #expect(throws: error) { try tokenizer.decode([72, id]) }
            #expect(throws: error) { try tokenizer.tokenBytes(id) }
        }
        #expect(try tokenizer.tokenBytes(262) == Array(" wor".utf8))
    }

    @Test func `text that is too long is refused with the numbers`() {
        let error = TokenizerError.textTooLong(bytes: 7, maxBytes: Tokenizer.maxTextBytes)

        #expect(error.description == "the text has 7 bytes; wanted 536870912 at most")
    }

    @Test(arguments: PublishedVocabulary.byteLevelNames)
    func `decoding gives back what was encoded`(name: String) throws {
        let tokenizer = try PublishedVocabulary.tokenizer(name)
        guard case .bytePair(let encoder) = tokenizer.vocabulary.model else {
            Issue.record("\(name) is not byte-level")
            return
        }
        // SmolLM2 has no tokens for bytes that its training text had none of; they are left out.
        let singles = Set(
            (0..<Int32(tokenizer.vocabulary.count)).compactMap { id in
                let bytes = tokenizer.vocabulary.tokens[id]
                return bytes.count == 1 ? bytes.first : nil
            })
        // 243 bytes occur in UTF-8.
        #expect(singles.count >= 243 || name == "smollm2")
        var generator = SeededGenerator(seed: 11)

        for _ in 0..<200 {
            let text = generator.text(count: 120)
            let ids = try tokenizer.encode(text, addSpecial: false, parseSpecial: false)
            let expected = (encoder.rule.composesText ? composed(text) : text).utf8
            let written = expected.filter { singles.contains($0) }
            #expect(Array(try tokenizer.decode(ids).utf8) == Array(repaired(written).utf8))
        }
    }

    @Test func `encoding leaves text in parts just as it would alone`() throws {
        let tokenizer = try PublishedVocabulary.tokenizer("qwen-3")
        var generator = SeededGenerator(seed: 3)
        let parts = (0..<40).map { _ in generator.text(count: 200) }

        let separator = "<|im_end|>"
        let all = try tokenizer.encode(
            parts.joined(separator: separator), addSpecial: false, parseSpecial: true)
        let end = try #require(
            try tokenizer.encode(separator, addSpecial: false, parseSpecial: true).first)
        let alone = try parts.map {
            try tokenizer.encode($0, addSpecial: false, parseSpecial: true)
        }

        #expect(all == Array(alone.joined(separator: [end])))
    }

    private func repaired(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self)
    }

    private func composed(_ text: String) -> String {
        let bytes = Array(text.utf8)
        let composed = ClassifiedText(bytes).composed(bytes.indices)
        return String(decoding: composed ?? bytes, as: UTF8.self)
    }
}
