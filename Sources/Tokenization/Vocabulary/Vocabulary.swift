// SPDX-License-Identifier: Apache-2.0

/// A model's tokens, checked, with all that encoding and decoding look up.
package struct Vocabulary: Sendable {
    /// How text becomes tokens.
    enum Model: Sendable {
        /// Bytes, merged pair by pair within pieces of text.
        case bytePair(BytePairEncoder)
        /// Characters, merged by the score of the token that they make.
        case sentencePiece(SentencePieceEncoder)
    }

    let model: Model
    let tokens: TokenBytes
    let types: [TokenType]
    let specials: SpecialTokenTrie

    /// The tokens that have a purpose.
    package let specialIDs: SpecialIDs
    /// The tokens around a middle to be filled in; nil for a model that does not do it.
    package let fillInMiddle: FillInMiddle?
    /// The tokens at which generation ends.
    package let endOfGenerationIDs: Set<Int32>
    /// Whether encoded text begins with the BOS token.
    package let addsBOS: Bool
    /// Whether encoded text ends with the EOS token.
    package let addsEOS: Bool

    /// How many tokens there are; their ids are the numbers below.
    package var count: Int { types.count }

    /// Checks the values and builds the tables.
    ///
    /// - Throws: `TokenizerError`, which names the first value that is wrong.
    package init(_ source: VocabularySource) throws(TokenizerError) {
        let isSentencePiece = source.model == "llama"
        guard isSentencePiece || source.model == "gpt2" else {
            throw .unknownModel(source.model)
        }
        guard (1...Int(Int32.max)).contains(source.tokens.count) else {
            throw .tokenCount(source.tokens.count)
        }
        types = try Self.types(source)
        specialIDs = try SpecialIDs(source, isSentencePiece: isSentencePiece)
        fillInMiddle = try FillInMiddle(source)
        if isSentencePiece {
            tokens = Self.sentencePieceTokens(source.tokens, types)
            let encoder = try SentencePieceEncoder(source, tokens, types, specialIDs)
            model = .sentencePiece(encoder)
            addsBOS = try Self.flag(source.addsBOS, default: true, "bos_token_id", specialIDs.bos)
        } else {
            guard let rule = source.preTokenizer.flatMap(PreTokenizer.named) else {
                throw .unknownPreTokenizer(source.preTokenizer)
            }
            tokens = Self.byteLevelTokens(source.tokens, types)
            model = .bytePair(try BytePairEncoder(source, rule, tokens, types))
            addsBOS = try Self.flag(
                source.addsBOS, default: rule.addsBOS, "bos_token_id", specialIDs.bos)
        }
        addsEOS = try Self.flag(source.addsEOS, default: false, "eos_token_id", specialIDs.eos)
        specials = SpecialTokenTrie(tokens, types)
        endOfGenerationIDs = Self.endOfGenerationIDs(source.tokens, specialIDs)
    }

    /// The bytes that the token stands for, whatever its type; nil if there is no such token.
    package func bytes(of id: Int32) -> ArraySlice<UInt8>? {
        types.indices.contains(Int(id)) ? tokens[id] : nil
    }

    /// What the token is for; nil if there is no such token.
    package func type(of id: Int32) -> TokenType? {
        types.indices.contains(Int(id)) ? types[Int(id)] : nil
    }
}

extension Vocabulary {
    private static func types(_ source: VocabularySource) throws(TokenizerError) -> [TokenType] {
        let count = source.tokens.count
        if source.tokenTypes.isEmpty { return Array(repeating: .normal, count: count) }
        guard source.tokenTypes.count == count else {
            throw .countMismatch(
                key: "tokenizer.ggml.token_type", expected: count, found: source.tokenTypes.count)
        }
        var types: [TokenType] = []
        types.reserveCapacity(count)
        for (id, raw) in source.tokenTypes.enumerated() {
            guard let type = TokenType(rawValue: raw) else {
                throw .unknownTokenType(id: Int32(id), type: raw)
            }
            types.append(type)
        }
        return types
    }

    private static func flag(
        _ value: Bool?, default: Bool, _ key: String, _ id: Int32?
    ) throws(TokenizerError) -> Bool {
        if value == true, id == nil { throw .missingID(key: "tokenizer.ggml." + key) }
        return (value ?? `default`) && id != nil
    }

    private static func byteLevelTokens(_ texts: [String], _ types: [TokenType]) -> TokenBytes {
        let alphabet = ByteAlphabet()
        var tokens = TokenBytes()
        for (text, type) in zip(texts, types) {
            switch type {
            case .normal, .unused: tokens.append(alphabet.decode(text))
            case .byte: tokens.append(byte(named: text) ?? alphabet.decode(text))
            case .unknown, .control, .userDefined: tokens.append(text.utf8)
            }
        }
        return tokens
    }

    /// SentencePiece writes a space as U+2581; here tokens have the space itself.
    private static func sentencePieceTokens(
        _ texts: [String], _ types: [TokenType]
    ) -> TokenBytes {
        var tokens = TokenBytes()
        for (text, type) in zip(texts, types) {
            switch type {
            case .byte: tokens.append(byte(named: text) ?? Array(text.utf8))
            case .control, .unknown: tokens.append(text.utf8)
            case .normal, .userDefined, .unused:
                tokens.append(SentencePieceEncoder.unescaped(Array(text.utf8)))
            }
        }
        return tokens
    }

    /// The byte that a token such as `<0x0A>` stands for.
    private static func byte(named text: String) -> [UInt8]? {
        guard text.utf8.count == 6, text.hasPrefix("<0x"), text.hasSuffix(">") else { return nil }
        return UInt8(text.dropFirst(3).dropLast(), radix: 16).map { [$0] }
    }

    private static func endOfGenerationIDs(_ texts: [String], _ ids: SpecialIDs) -> Set<Int32> {
        var ends = Set([ids.eos, ids.eot, ids.eom].compactMap(\.self))
        for (id, text) in texts.enumerated() where SpecialIDs.endOfGenerationNames.contains(text) {
            ends.insert(Int32(id))
        }
        return ends
    }
}
