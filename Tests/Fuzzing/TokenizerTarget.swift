// SPDX-License-Identifier: Apache-2.0

@testable import Tokenization

/// Text survives being tokenised, by every splitting rule. The first byte chooses the vocabulary.
enum TokenizerTarget {
    private static let tokenizers: [Tokenizer] = {
        var sources = PreTokenizer.names.map { name in
            var source = TinyVocabulary.byteLevel
            source.preTokenizer = name
            return source
        }
        sources.append(TinyVocabulary.sentencePiece)
        return sources.compactMap { source in (try? Vocabulary(source)).map { Tokenizer($0) } }
    }()

    static func test(_ input: [UInt8]) {
        guard let choice = input.first else { return }
        let tokenizer = tokenizers[Int(choice) % tokenizers.count]
        let text = String(decoding: input.dropFirst(), as: UTF8.self)
        for parsesSpecial in [false, true] {
            guard
                let ids = try? tokenizer.encode(
                    text, addSpecial: false, parseSpecial: parsesSpecial),
                let decoded = try? tokenizer.decode(ids, showsControl: true)
            else { preconditionFailure("a short text cannot be tokenised") }
            // Strings are equal where they are canonically equivalent, which composing keeps.
            precondition(decoded == text, "the text is changed")
        }
        var detokenizer = Detokenizer(tokenizer)
        for byte in input { _ = try? detokenizer.append(Int32(byte) * 2) }
        _ = detokenizer.finish()
    }
}
