// SPDX-License-Identifier: Apache-2.0

/// The values of a GGUF file's `tokenizer.ggml.*` keys as they were read, nothing checked.
package struct VocabularySource: Sendable {
    /// `model`: "gpt2" or "llama".
    package var model: String
    /// `pre`: the splitting rule of a "gpt2" vocabulary; a "llama" one has none.
    package var preTokenizer: String?
    /// `tokens`, by id.
    package var tokens: [String]
    /// `token_type`, by id; empty if all are normal.
    package var tokenTypes: [Int32] = []
    /// `scores`, by id; only a "llama" vocabulary needs them.
    package var scores: [Float] = []
    /// `merges`, first come first merged; only a "gpt2" vocabulary has them.
    package var merges: [String] = []
    /// `bos_token_id`: begins a text.
    package var bosID: Int?
    /// `eos_token_id`: ends a text.
    package var eosID: Int?
    /// `eot_token_id`: ends a turn.
    package var eotID: Int?
    /// `eom_token_id`: ends a message that waits for a tool.
    package var eomID: Int?
    /// `unknown_token_id`: stands for what the vocabulary cannot write.
    package var unknownID: Int?
    /// `padding_token_id`: fills up a batch.
    package var paddingID: Int?
    /// `fim_pre_token_id`, formerly `prefix_token_id`: what goes before a middle follows.
    package var fimPrefixID: Int?
    /// `fim_suf_token_id`, formerly `suffix_token_id`: what goes after a middle follows.
    package var fimSuffixID: Int?
    /// `fim_mid_token_id`, formerly `middle_token_id`: the middle follows.
    package var fimMiddleID: Int?
    /// `add_bos_token`; nil takes what the splitting rule or the model is known for.
    package var addsBOS: Bool?
    /// `add_eos_token`; nil is false.
    package var addsEOS: Bool?
    /// `add_space_prefix`; nil is true for "llama".
    package var addsSpacePrefix: Bool?

    /// The values that every file has.
    package init(model: String, preTokenizer: String? = nil, tokens: [String]) {
        self.model = model
        self.preTokenizer = preTokenizer
        self.tokens = tokens
    }
}
