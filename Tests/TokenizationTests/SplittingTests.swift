// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tokenization

@Suite struct SplittingTests {
    private func cut(_ text: String, by name: String) throws -> [String] {
        let text = ClassifiedText(Array(text.utf8))
        let pieces = try #require(PreTokenizer.named(name)).pieces(of: text.bytes.indices, in: text)
        return pieces.map { String(decoding: text.bytes[$0], as: UTF8.self) }
    }

    @Test func `each family has its own way with contractions, numbers and spaces`() throws {
        let text = "I'LL pay  1234 €!\n\n ok"

        #expect(
            try cut(text, by: "gpt-2") == [
                "I", "'", "LL", " pay", " ", " 1234", " €!", "\n\n", " ok",
            ])
        #expect(
            try cut(text, by: "qwen2")
                == ["I", "'LL", " pay", " ", " ", "1", "2", "3", "4", " €!\n\n", " ok"])
        #expect(
            try cut(text, by: "llama-bpe")
                == ["I", "'LL", " pay", " ", " ", "123", "4", " €!\n\n", " ok"])
        #expect(
            try cut(text, by: "gpt-4o")
                == ["I'LL", " pay", " ", " ", "123", "4", " €!\n\n", " ok"])
        #expect(
            try cut(text, by: "deepseek-v3")
                == ["I", "'LL", " pay", "  ", "123", "4", " €!\n\n", " ok"])
    }

    @Test func `o200k cuts words where lower case turns to upper`() throws {
        #expect(
            try cut("camelCase HTMLPage ABC", by: "gpt-4o") == [
                "camel", "Case", " HTMLPage", " ABC",
            ])
        #expect(try cut("漢字Kanji", by: "gpt-4o") == ["漢字Kanji"])
        #expect(try cut("漢字Kanji", by: "kimi-k2") == ["漢字", "Kanji"])
    }

    @Test(arguments: PreTokenizer.names)
    func `pieces are the text, in order and without a gap`(name: String) throws {
        var generator = SeededGenerator(seed: 8)
        for _ in 0..<50 {
            let text = generator.text(count: 300)
            #expect(try Array(cut(text, by: name).joined().utf8) == Array(text.utf8))
            #expect(try !cut(text, by: name).contains(""))
        }
        #expect(try cut("", by: name).allSatisfy { $0.isEmpty })
    }
}
