// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tokenization

@Suite struct VocabularyTests {
    private func error(
        _ source: VocabularySource, _ change: (inout VocabularySource) -> Void
    ) -> TokenizerError? {
        var source = source
        change(&source)
        do {
            _ = try Vocabulary(source)
            return nil
        } catch {
            return error
        }
    }

    @Test func `a vocabulary of bytes and merges is accepted`() throws {
        let vocabulary = try Vocabulary(TinyVocabulary.byteLevel)

        #expect(vocabulary.count == 269)
        #expect(vocabulary.bytes(of: 264).map(Array.init) == Array("aaaa".utf8))
        #expect(vocabulary.type(of: 265) == .control)
        #expect(vocabulary.bytes(of: 269) == nil)
        #expect(vocabulary.bytes(of: -1) == nil)
    }

    @Test func `an unknown model or splitting rule is refused by name`() {
        let source = TinyVocabulary.byteLevel

        #expect(error(source) { $0.model = "bert" } == .unknownModel("bert"))
        #expect(error(source) { $0.preTokenizer = "gpt-9" } == .unknownPreTokenizer("gpt-9"))
        #expect(error(source) { $0.preTokenizer = nil } == .unknownPreTokenizer(nil))
        #expect(TokenizerError.unknownPreTokenizer("gpt-9").description.contains("\"gpt-9\""))
        #expect(TokenizerError.unknownPreTokenizer(nil).description.contains("kimi-k2, "))
    }

    @Test func `lists of other lengths than the tokens are refused`() {
        let types = error(TinyVocabulary.byteLevel) { $0.tokenTypes.removeLast() }
        let scores = error(TinyVocabulary.sentencePiece) { $0.scores.removeLast() }
        let none = error(TinyVocabulary.byteLevel) { $0.tokens = [] }

        #expect(
            types
                == .countMismatch(key: "tokenizer.ggml.token_type", expected: 269, found: 268))
        #expect(
            scores == .countMismatch(key: "tokenizer.ggml.scores", expected: 267, found: 266))
        #expect(none == .tokenCount(0))
    }

    @Test func `unknown types and scores that are no numbers are refused`() {
        let type = error(TinyVocabulary.byteLevel) { $0.tokenTypes[7] = 9 }
        let score = error(TinyVocabulary.sentencePiece) { $0.scores[260] = .nan }

        #expect(type == .unknownTokenType(id: 7, type: 9))
        #expect(score == .badScore(id: 260))
    }

    @Test(arguments: ["", " ", "he", "h ", " h", "zz q", "h q", "h e x", "漢 字"])
    func `a merge that is not two tokens that make a third is refused`(merge: String) {
        let index = TinyVocabulary.merges.count

        #expect(
            error(TinyVocabulary.byteLevel) { $0.merges.append(merge) }
                == .badMerge(index: index, text: merge))
    }

    @Test func `ids that no token has are refused`() {
        let keys: [(WritableKeyPath<VocabularySource, Int?>, String)] = [
            (\.bosID, "bos_token_id"), (\.eosID, "eos_token_id"), (\.eotID, "eot_token_id"),
            (\.eomID, "eom_token_id"), (\.unknownID, "unknown_token_id"),
            (\.paddingID, "padding_token_id"),
        ]
        for (path, key) in keys {
            for id in [-1, 269, Int.max, Int.min] {
                #expect(
                    error(TinyVocabulary.byteLevel) { $0[keyPath: path] = id }
                        == .idOutOfRange(key: "tokenizer.ggml." + key, id: id, count: 269))
            }
        }
    }

    @Test func `asking for a BOS token that is not named is refused`() {
        let bos = error(TinyVocabulary.byteLevel) { $0.addsBOS = true }
        let eos = error(TinyVocabulary.byteLevel) { $0.addsEOS = true }

        #expect(bos == .missingID(key: "tokenizer.ggml.bos_token_id"))
        #expect(eos == .missingID(key: "tokenizer.ggml.eos_token_id"))
    }

    @Test func `a SentencePiece vocabulary needs bytes or an unknown token`() {
        let source = TinyVocabulary.sentencePiece
        let bytesOnly = error(source) { $0.tokenTypes[0] = 3 }
        var short = VocabularySource(model: "llama", tokens: [])
        short.scores = []

        #expect(bytesOnly == nil)
        #expect(error(short) { _ in } == .tokenCount(0))
    }

    @Test func `generation ends at the named tokens and at the well-known ones`() throws {
        var source = TinyVocabulary.byteLevel
        source.eosID = 10
        source.eotID = 11
        source.eomID = 12

        let vocabulary = try Vocabulary(source)

        // 266 is <|im_end|>.
        #expect(vocabulary.endOfGenerationIDs == [10, 11, 12, 266])
    }

    @Test func `llama vocabularies begin text with BOS unless the file says no`() throws {
        var source = TinyVocabulary.sentencePiece
        #expect(try Vocabulary(source).addsBOS)
        #expect(try Vocabulary(source).specialIDs.bos == 1)

        source.addsBOS = false
        #expect(try !Vocabulary(source).addsBOS)
        #expect(try !Vocabulary(TinyVocabulary.byteLevel).addsBOS)
    }

    // MARK: Filling in the middle

    @Test func `the tokens to fill in the middle with are found by name`() throws {
        #expect(try Vocabulary(TinyVocabulary.byteLevel).fillInMiddle == nil)
        var source = TinyVocabulary.byteLevel
        let first = Int32(source.tokens.count)
        source.tokens += ["<|fim_suffix|>", "<|fim_prefix|>", "<|fim_middle|>", "<|file_sep|>"]
        source.tokenTypes += [3, 3, 3, 3]

        let fill = try #require(try Vocabulary(source).fillInMiddle)

        #expect(fill.prompt(before: [7], after: [8, 9]) == [first + 1, 7, first, 8, 9, first + 2])
        #expect(fill.ends == Set(first...first + 3))
    }

    @Test func `the file may name the tokens itself`() throws {
        var source = TinyVocabulary.byteLevel
        (source.fimPrefixID, source.fimSuffixID) = (5, 6)
        #expect(try Vocabulary(source).fillInMiddle == nil)
        source.fimMiddleID = 7

        #expect(try Vocabulary(source).fillInMiddle?.prompt(before: [], after: []) == [5, 6, 7])

        source.fimMiddleID = source.tokens.count
        let error = #expect(throws: TokenizerError.self) { try Vocabulary(source) }
        #expect("\(try #require(error))".contains("tokenizer.ggml.fim_mid_token_id"))
    }
}
