// SPDX-License-Identifier: Apache-2.0

/// The tokens between which a model was trained to fill in what is missing.
///
/// Source: Bavarian et al. 2022, "Efficient Training of Language Models to Fill in the Middle".
package struct FillInMiddle: Sendable, Equatable {
    /// Comes before the text that goes before.
    package let prefix: Int32
    /// Comes before the text that goes after.
    package let suffix: Int32
    /// Comes before what the model writes.
    package let middle: Int32
    /// Tokens that the middle never holds: it ends where the model writes one.
    package let ends: Set<Int32>

    /// The names that families give the three, and those of further tokens at which a middle ends: padding
    /// and the marks between files.
    private static let prefixNames = [
        "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>",
        "<|code_prefix|>",
    ]
    private static let suffixNames = [
        "<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>",
        "<|code_suffix|>",
    ]
    private static let middleNames = [
        "<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>",
        "<|code_middle|>",
    ]
    private static let endNames = [
        "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "<EOT>", "▁<EOT>", "<|repo_name|>",
        "<|fim_repo|>", "<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>", "<file_sep>",
    ]

    /// The tokens that the file names, else those with a known name; nil where one of the three is missing.
    ///
    /// - Throws: `TokenizerError.idOutOfRange`.
    init?(_ source: VocabularySource) throws(TokenizerError) {
        var ids: [String: Int32] = [:]
        for (id, text) in source.tokens.enumerated() where Self.allNames.contains(text) {
            ids[text] = Int32(id)
        }
        func find(_ id: Int?, _ key: String, _ names: [String]) throws(TokenizerError) -> Int32? {
            guard let id else { return names.lazy.compactMap { ids[$0] }.first }
            guard source.tokens.indices.contains(id) else {
                throw .idOutOfRange(
                    key: "tokenizer.ggml.\(key)", id: id, count: source.tokens.count)
            }
            return Int32(id)
        }
        let prefix = try find(source.fimPrefixID, "fim_pre_token_id", Self.prefixNames)
        let suffix = try find(source.fimSuffixID, "fim_suf_token_id", Self.suffixNames)
        let middle = try find(source.fimMiddleID, "fim_mid_token_id", Self.middleNames)
        guard let prefix, let suffix, let middle else { return nil }
        self.prefix = prefix
        self.suffix = suffix
        self.middle = middle
        ends = Set([prefix, suffix, middle] + Self.endNames.compactMap { ids[$0] })
    }

    private static let allNames = Set(prefixNames + suffixNames + middleNames + endNames)

    /// The prompt for what belongs between two texts, without BOS.
    package func prompt(before: [Int32], after: [Int32]) -> [Int32] {
        [prefix] + before + [suffix] + after + [middle]
    }
}
