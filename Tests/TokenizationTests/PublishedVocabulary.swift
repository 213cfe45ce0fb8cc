// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

@testable import Tokenization

/// The vocabularies that scripts/fetch-tokenizers extracts from published packages.
enum PublishedVocabulary {
    static let names = [
        "deepseek-coder-33b-base", "deepseek-llm-7b-base", "deepseek-r1-distill-llama-8b",
        "deepseek-v2", "deepseek-v3", "deepseek-v4", "glm-4.5v", "minimax", "mistral-v3",
        "o200k_harmony", "qwen-2.5", "qwen-3", "qwen-3.5", "smollm2", "tekken",
    ]

    /// All but SentencePiece's.
    static let byteLevelNames = names.filter { $0 != "mistral-v3" }

    /// Those that a test has asked for: reading one takes longer than most tests.
    private static let known = Mutex<[String: Tokenizer]>([:])

    static func tokenizer(_ name: String) throws -> Tokenizer {
        try known.withLock { known in
            if let tokenizer = known[name] { return tokenizer }
            let tokenizer = Tokenizer(try Vocabulary(try source(name)))
            known[name] = tokenizer
            return tokenizer
        }
    }

    /// Reads the fields in the order in which extract_vocabularies.py writes them.
    static func source(_ name: String) throws -> VocabularySource {
        var reader = FieldReader(fields: try fields(of: name)[...])
        let model = try reader.next()
        var source = VocabularySource(model: model, preTokenizer: try reader.next(), tokens: [])
        source.bosID = Int(try reader.next())
        source.eosID = Int(try reader.next())
        source.unknownID = Int(try reader.next())
        source.tokens = try reader.list()
        source.tokenTypes = try reader.list().map { try #require(Int32($0)) }
        source.scores = try reader.list().map { try #require(Float($0)) }
        source.merges = try reader.list()
        return source
    }

    private static func fields(of name: String) throws -> [String] {
        let environment = ProcessInfo.processInfo.environment
        let cache =
            environment["APUS_CACHE"].map { URL(filePath: $0) }
            ?? URL.homeDirectory.appending(path: ".cache/apus")
        let file = cache.appending(path: "tokenizers/\(name).vocab")
        let data = try #require(
            FileManager.default.contents(atPath: file.path),
            "\(file.path) is missing: run scripts/fetch-tokenizers first")
        let parts = [UInt8](data).split(separator: 0, omittingEmptySubsequences: false)
        return parts.map { String(decoding: $0, as: UTF8.self) }
    }
}

private struct FieldReader {
    var fields: ArraySlice<String>

    mutating func next() throws -> String {
        let field = fields.popFirst()
        return try #require(field)
    }

    mutating func list() throws -> [String] {
        let count = Int(try next())
        return try (0..<#require(count)).map { _ in try next() }
    }
}

/// The files in Tests/Fixtures/Tokenization.
enum Fixture {
    static func decode<T: Decodable>(_ type: T.Type, from name: String) throws -> T {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let file = tests.appending(path: "Fixtures/Tokenization/\(name)")
        return try JSONDecoder().decode(type, from: Data(contentsOf: file))
    }
}

/// 32-bit FNV-1a over little-endian 32-bit numbers, by which fuzz.json keeps results.
func fnv(_ numbers: some Sequence<Int32>) -> UInt32 {
    var hash: UInt32 = 0x811C_9DC5
    for number in numbers {
        withUnsafeBytes(of: number.littleEndian) { bytes in
            for byte in bytes { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        }
    }
    return hash
}
