// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a vocabulary, with an id, or with a text.
package enum TokenizerError: Error, Equatable {
    /// `tokenizer.ggml.model` names no kind of vocabulary that is known.
    case unknownModel(String)
    /// `tokenizer.ggml.pre` names no splitting rule that is known; nil if there is no such key.
    case unknownPreTokenizer(String?)
    /// There are no tokens, or more than ids.
    case tokenCount(Int)
    /// A list that has one element for each token has another number of them.
    case countMismatch(key: String, expected: Int, found: Int)
    /// A token's type is not one of the six.
    case unknownTokenType(id: Int32, type: Int32)
    /// A token's score is not a number.
    case badScore(id: Int32)
    /// A merge is not two tokens that make a third.
    case badMerge(index: Int, text: String)
    /// An id is not that of a token.
    case idOutOfRange(key: String, id: Int, count: Int)
    /// A flag asks for a token that the vocabulary does not name.
    case missingID(key: String)
    /// A vocabulary without tokens for single bytes must have one for what it cannot write.
    case missingFallback
    /// The text is longer than can be encoded at once.
    case textTooLong(bytes: Int, maxBytes: Int)
}

extension TokenizerError: CustomStringConvertible {
    /// One line that says what was wanted and what was found.
    package var description: String {
        switch self {
        case .unknownModel(let name):
            "tokenizer.ggml.model is \"\(name)\"; known are \"gpt2\" and \"llama\""
        case .unknownPreTokenizer(let name?):
            "tokenizer.ggml.pre is \"\(name)\"; known are \(Self.knownRules)"
        case .unknownPreTokenizer(nil):
            "tokenizer.ggml.pre is missing; known are \(Self.knownRules)"
        case .tokenCount(let count):
            "tokenizer.ggml.tokens has \(count) elements; wanted from 1 to \(Int32.max)"
        case .countMismatch(let key, let expected, let found):
            "\(key) has \(found) elements; wanted \(expected), one for each token"
        case .unknownTokenType(let id, let type):
            "tokenizer.ggml.token_type is \(type) for token \(id); wanted from 1 to 6"
        case .badScore(let id):
            "tokenizer.ggml.scores is not a number for token \(id)"
        case .badMerge(let index, let text):
            "tokenizer.ggml.merges has \"\(text)\" at \(index); wanted two tokens that make a third"
        case .idOutOfRange(let key, let id, let count):
            "\(key) is \(id); wanted from 0 to \(count - 1)"
        case .missingID(let key):
            "\(key) is missing, but the vocabulary asks that the token be added"
        case .missingFallback:
            "the vocabulary has neither tokens for all 256 bytes nor an unknown token"
        case .textTooLong(let bytes, let maxBytes):
            "the text has \(bytes) bytes; wanted \(maxBytes) at most"
        }
    }

    private static var knownRules: String {
        PreTokenizer.names.joined(separator: ", ")
    }
}
