// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tokenization

@Suite struct SentencePieceTests {
    private func encode(_ text: String) throws -> [Int32] {
        let tokenizer = try TinyVocabulary.sentencePieceTokenizer()
        return try tokenizer.encode(text, addSpecial: false, parseSpecial: true)
    }

    @Test func `the best score merges first`() throws {
        // "ab" (262) beats "▁a" (263), and then makes "▁ab" (264).
        #expect(try encode("ab") == [264])
        #expect(try encode("ab ab") == [264, 264])
        #expect(try encode("aab") == [263, 262])
    }

    @Test func `spaces and U+2581 are the same`() throws {
        #expect(try encode("ab  ab") == [264, 259, 264])
        #expect(try encode("ab▁▁ab") == [264, 259, 264])
    }

    @Test func `a character without a token becomes its bytes`() throws {
        #expect(try encode("é") == [259, 266])
        #expect(try encode("漢") == [259, 3 + 0xE6, 3 + 0xBC, 3 + 0xA2])
    }

    @Test func `a character without a token or bytes becomes the unknown token`() throws {
        var source = TinyVocabulary.sentencePiece
        for id in 3..<259 { source.tokenTypes[id] = 5 }
        let tokenizer = Tokenizer(try Vocabulary(source))

        let ids = try tokenizer.encode("a漢b", addSpecial: true, parseSpecial: true)

        #expect(ids == [1, 263, 0, 261])
    }

    @Test func `a control token is text unless special tokens are parsed`() throws {
        let tokenizer = try TinyVocabulary.sentencePieceTokenizer()

        let parsed = try tokenizer.encode("ab</s>ab", addSpecial: false, parseSpecial: true)
        let plain = try tokenizer.encode("ab</s>", addSpecial: false, parseSpecial: false)

        #expect(parsed == [264, 2, 264])
        #expect(plain == [264] + "</s>".utf8.map { 3 + Int32($0) })
    }

    @Test func `decoding drops the space that encoding added`() throws {
        let tokenizer = try TinyVocabulary.sentencePieceTokenizer()
        var continuing = Detokenizer(tokenizer, continuesText: true)

        #expect(try tokenizer.decode([1, 264, 264]) == "ab ab")
        #expect(try tokenizer.decode([265]) == " ")
        #expect(try continuing.append(264) == Array(" ab".utf8))
    }

    @Test func `decoding gives back what was encoded`() throws {
        let tokenizer = try PublishedVocabulary.tokenizer("mistral-v3")
        var generator = SeededGenerator(seed: 12)

        for _ in 0..<200 {
            let text = generator.text(count: 120)
            let ids = try tokenizer.encode(text, addSpecial: true, parseSpecial: false)
            let expected = text.unicodeScalars.map { $0 == "\u{2581}" ? " " : String($0) }.joined()
            #expect(try tokenizer.decode(ids).unicodeScalars.elementsEqual(expected.unicodeScalars))
        }
    }
}
