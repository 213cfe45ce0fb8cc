// SPDX-License-Identifier: Apache-2.0

/// The ids of the tokens that a vocabulary names for a purpose.
package struct SpecialIDs: Sendable {
    /// Begins a text.
    package let bos: Int32?
    /// Ends a text.
    package let eos: Int32?
    /// Ends a turn.
    package let eot: Int32?
    /// Ends a message that waits for a tool.
    package let eom: Int32?
    /// Stands for what the vocabulary cannot write.
    package let unknown: Int32?
    /// Fills up a batch.
    package let padding: Int32?

    /// SentencePiece's ids where a file names none.
    private static let sentencePieceDefaults = (unknown: 0, bos: 1, eos: 2)

    init(_ source: VocabularySource, isSentencePiece: Bool) throws(TokenizerError) {
        let count = source.tokens.count
        func checked(_ id: Int?, _ key: String, default: Int? = nil) throws(TokenizerError)
            -> Int32?
        {
            guard let id else {
                guard isSentencePiece, let known = `default`, known < count else { return nil }
                return Int32(known)
            }
            guard (0..<count).contains(id) else {
                throw .idOutOfRange(key: "tokenizer.ggml." + key, id: id, count: count)
            }
            return Int32(id)
        }
        let known = Self.sentencePieceDefaults
        bos = try checked(source.bosID, "bos_token_id", default: known.bos)
        eos = try checked(source.eosID, "eos_token_id", default: known.eos)
        eot = try checked(source.eotID, "eot_token_id")
        eom = try checked(source.eomID, "eom_token_id")
        unknown = try checked(source.unknownID, "unknown_token_id", default: known.unknown)
        padding = try checked(source.paddingID, "padding_token_id")
    }

    /// The texts of tokens that end generation wherever they occur, as model families name them.
    static let endOfGenerationNames: Set<String> = [
        "<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>",
        "<|calls|>", "<|flush|>", "<end_of_turn>", "<turn|>", "<|tool_response>",
        "<end_of_utterance>", "<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<EOT>",
        "_<EOT>", "[EOT]", "[EOS]", "<｜end▁of▁sentence｜>", "[e~[",
    ]
}
