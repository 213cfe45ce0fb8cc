// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tokenization

/// Ids that the reference tokenizers give for awkward strings.
struct ReferenceVectors: Decodable {
    let strings: [String]
    let tokenizers: [String: [[Int32]]]

    static let names = [
        "deepseek-coder-33b-base", "deepseek-llm-7b-base", "deepseek-r1-distill-llama-8b",
        "deepseek-v2", "deepseek-v3", "glm-4.5v", "o200k_harmony", "qwen-2.5", "qwen-3",
    ]
}

/// Hashes of what the reference tokenizers make of random strings.
struct FuzzVectors: Decodable {
    struct Special: Decodable {
        let text: String
        let ids: [Int32]
    }

    let strings: [String]
    let vocabularies: [String: [UInt32]]
    /// By vocabulary, for one text with all scalars of the basic plane.
    let plane: [String: UInt32]
    let rules: [String: [UInt32]]
    let special: [String: [Special]]
    /// Text and its NFC.
    let composed: [[String]]
}

@Suite struct ReferenceVectorTests {
    @Test(arguments: ReferenceVectors.names)
    func `awkward strings give the reference's ids`(name: String) throws {
        let vectors = try Fixture.decode(ReferenceVectors.self, from: "vectors.json")
        let expected = try #require(vectors.tokenizers[name])
        let tokenizer = try PublishedVocabulary.tokenizer(name)

        #expect(expected.count == vectors.strings.count)
        for (text, expected) in zip(vectors.strings, expected) {
            let ids = try tokenizer.encode(text, addSpecial: false, parseSpecial: true)
            #expect(ids == expected, "\(text.debugDescription)")
        }
    }

    @Test(arguments: PublishedVocabulary.names)
    func `every scalar of the basic plane gives the reference's ids`(name: String) throws {
        let vectors = try Fixture.decode(FuzzVectors.self, from: "fuzz.json")
        let expected = try #require(vectors.plane[name])
        let scalars = (UInt32(0x20)..<0xFFFE).compactMap(Unicode.Scalar.init)
        let text = scalars.map { String($0) }.joined(separator: " ")

        let tokenizer = try PublishedVocabulary.tokenizer(name)
        let ids = try tokenizer.encode(text, addSpecial: false, parseSpecial: true)

        #expect(fnv(ids) == expected)
    }

    @Test(arguments: PublishedVocabulary.names)
    func `random strings of all scripts give the reference's ids`(name: String) throws {
        let vectors = try Fixture.decode(FuzzVectors.self, from: "fuzz.json")
        let expected = try #require(vectors.vocabularies[name])
        let tokenizer = try PublishedVocabulary.tokenizer(name)

        #expect(expected.count == vectors.strings.count)
        for (text, expected) in zip(vectors.strings, expected) {
            let ids = try tokenizer.encode(text, addSpecial: false, parseSpecial: true)
            #expect(fnv(ids) == expected, "\(text.debugDescription)")
        }
    }

    @Test(arguments: [
        "bailingmoe", "dbrx", "default", "falcon", "gpt-2", "kimi-k2", "laguna", "seed-coder",
        "starcoder",
    ])
    func `a splitting rule cuts where its regular expressions do`(name: String) throws {
        let vectors = try Fixture.decode(FuzzVectors.self, from: "fuzz.json")
        let expected = try #require(vectors.rules[name])
        let rule = try #require(PreTokenizer.named(name))

        #expect(expected.count == vectors.strings.count)
        for (text, expected) in zip(vectors.strings, expected) {
            let text = ClassifiedText(Array(text.utf8))
            let pieces = rule.pieces(of: text.bytes.indices, in: text)
            let cuts = pieces.map { String(decoding: text.bytes[$0], as: UTF8.self) }
            #expect(fnv(pieces.map { Int32($0.upperBound) }) == expected, "\(cuts)")
        }
    }

    @Test(arguments: [
        "deepseek-coder-33b-base", "deepseek-llm-7b-base", "deepseek-r1-distill-llama-8b",
        "deepseek-v3", "glm-4.5v", "minimax", "qwen-3",
    ])
    func `special tokens in text give the reference's ids`(name: String) throws {
        let vectors = try Fixture.decode(FuzzVectors.self, from: "fuzz.json")
        let entries = try #require(vectors.special[name])
        let tokenizer = try PublishedVocabulary.tokenizer(name)

        for entry in entries {
            let ids = try tokenizer.encode(entry.text, addSpecial: false, parseSpecial: true)
            #expect(ids == entry.ids, "\(entry.text.debugDescription)")
        }
    }
}
