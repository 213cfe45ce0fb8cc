// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tokenization

/// Texts that a naive tokenizer takes quadratic time for: hours at these lengths.
@Suite(.timeLimit(.minutes(1))) struct HostileTextTests {
    private static let texts: [(unit: String, end: String)] = [
        ("a", ""), ("A", "b"), (" ", "x"), ("~", " "), ("\n", " x"), (" \n ", "x"), ("7", "a"),
        ("我", ""), ("\u{1}", "a"), ("'", "s"), ("\u{3000}", "~"), ("<|im_", ""), ("ab ", ""),
        // Marks of two classes, vowels of Hangul, capitals that a mark may lead.
        ("\u{301}\u{323}", "a"), ("\u{1161}", "a"), ("\u{489}A", ""),
    ]

    @Test(arguments: PreTokenizer.names)
    func `long runs are cut without losing a byte`(name: String) throws {
        let rule = try #require(PreTokenizer.named(name))
        for (unit, end) in Self.texts {
            let bytes = Array((String(repeating: unit, count: 100_000) + end).utf8)
            let pieces = rule.pieces(of: bytes.indices, in: ClassifiedText(bytes))
            #expect(pieces.first?.lowerBound == 0 && pieces.last?.upperBound == bytes.count)
            #expect(zip(pieces, pieces.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
        }
    }

    @Test(arguments: ["qwen-3", "deepseek-llm-7b-base", "mistral-v3"])
    func `long runs are encoded and decoded`(name: String) throws {
        let tokenizer = try PublishedVocabulary.tokenizer(name)
        for (unit, end) in Self.texts where unit != "\u{301}\u{323}" {
            let text = String(repeating: unit, count: 100_000) + end
            let ids = try tokenizer.encode(text, addSpecial: false, parseSpecial: true)
            #expect(try tokenizer.decode(ids).utf8.elementsEqual(text.utf8))
        }
    }
}
