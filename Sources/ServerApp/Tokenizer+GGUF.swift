// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import ModelFile
internal import Tokenization

extension Tokenizer {
    /// The tokenizer that the file's `tokenizer.ggml.*` keys describe.
    init(_ file: GGUFFile) throws(ModelError) {
        let source: VocabularySource
        do { source = try VocabularySource(file) } catch { throw .file(error) }
        do { self.init(try Vocabulary(source)) } catch { throw .tokenizer("\(error)") }
    }

    /// The text of one token, U+FFFD where it is not whole characters; empty when there is no such token.
    func text(of id: Int32) -> String {
        String(decoding: vocabulary.bytes(of: id) ?? [], as: UTF8.self)
    }

    /// The token that texts begin with, where the vocabulary has texts begin with one.
    var bos: [Int32] {
        vocabulary.addsBOS ? [vocabulary.specialIDs.bos].compactMap(\.self) : []
    }

    /// The bytes of one token; none when there is no such token.
    func bytes(of id: Int32) -> [UInt8] { vocabulary.bytes(of: id).map(Array.init) ?? [] }
}

extension Detokenizer {
    /// The whole characters that a token of the model completes. An output matrix may have more rows than
    /// the vocabulary has tokens; those stand for nothing.
    mutating func text(appending id: Int32) -> [UInt8] {
        (try? append(id)) ?? []
    }
}

extension VocabularySource {
    fileprivate init(_ file: GGUFFile) throws(ModelFileError) {
        func key(_ name: String) -> String { "tokenizer.ggml.\(name)" }
        self.init(
            model: try file.string(key("model")),
            preTokenizer: try file.stringIfPresent(key("pre")),
            tokens: try file.strings(key("tokens")))
        tokenTypes = try file.intsIfPresent(key("token_type"))?.map { Int32(clamping: $0) } ?? []
        scores = try file.floatsIfPresent(key("scores")) ?? []
        merges = try file.stringsIfPresent(key("merges")) ?? []
        bosID = try file.intIfPresent(key("bos_token_id"))
        eosID = try file.intIfPresent(key("eos_token_id"))
        eotID = try file.intIfPresent(key("eot_token_id"))
        eomID = try file.intIfPresent(key("eom_token_id"))
        unknownID = try file.intIfPresent(key("unknown_token_id"))
        paddingID = try file.intIfPresent(key("padding_token_id"))
        func id(_ name: String, formerly old: String) throws(ModelFileError) -> Int? {
            if let id = try file.intIfPresent(key(name)) { return id }
            return try file.intIfPresent(key(old))
        }
        fimPrefixID = try id("fim_pre_token_id", formerly: "prefix_token_id")
        fimSuffixID = try id("fim_suf_token_id", formerly: "suffix_token_id")
        fimMiddleID = try id("fim_mid_token_id", formerly: "middle_token_id")
        addsBOS = try file.boolIfPresent(key("add_bos_token"))
        addsEOS = try file.boolIfPresent(key("add_eos_token"))
        addsSpacePrefix = try file.boolIfPresent(key("add_space_prefix"))
    }
}
