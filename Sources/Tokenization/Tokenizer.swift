// SPDX-License-Identifier: Apache-2.0

/// Text to token ids and back, by one vocabulary.
package struct Tokenizer: Sendable {
    /// The longest text that is encoded at once; positions in it are 32 bits wide.
    package static let maxTextBytes = 1 << 29

    /// The tokens.
    package let vocabulary: Vocabulary

    /// Encodes and decodes by the vocabulary.
    package init(_ vocabulary: Vocabulary) {
        self.vocabulary = vocabulary
    }

    /// The token ids of a text.
    ///
    /// - Parameters:
    ///   - text: Any text; what is not in NFC is composed if the vocabulary was trained so.
    ///   - addSpecial: Whether to add the BOS and EOS tokens that the vocabulary asks for.
    ///   - parseSpecial: Whether the text of a control token becomes that token; if not, it is
    ///     ordinary text, which is what a user's words are. User-defined tokens always are found.
    /// - Returns: The ids, in order.
    /// - Throws: `TokenizerError.textTooLong`.
    package func encode(
        _ text: String, addSpecial: Bool, parseSpecial: Bool
    ) throws(TokenizerError) -> [Int32] {
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.maxTextBytes else {
            throw .textTooLong(bytes: bytes.count, maxBytes: Self.maxTextBytes)
        }
        var ids: [Int32] = []
        if addSpecial, vocabulary.addsBOS, let bos = vocabulary.specialIDs.bos { ids.append(bos) }
        encode(ClassifiedText(bytes), parseSpecial: parseSpecial, into: &ids)
        if addSpecial, vocabulary.addsEOS, let eos = vocabulary.specialIDs.eos { ids.append(eos) }
        return ids
    }

    /// The text of the ids: what a fresh `Detokenizer` gives for all of them.
    ///
    /// - Throws: `TokenizerError.idOutOfRange`.
    package func decode(
        _ ids: [Int32], showsControl: Bool = false
    ) throws(TokenizerError) -> String {
        var detokenizer = Detokenizer(self, showsControl: showsControl)
        var bytes: [UInt8] = []
        for id in ids { bytes += try detokenizer.append(id) }
        bytes += detokenizer.finish()
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The bytes that the token stands for, whatever its type.
    ///
    /// - Throws: `TokenizerError.idOutOfRange`.
    package func tokenBytes(_ id: Int32) throws(TokenizerError) -> [UInt8] {
        guard let bytes = vocabulary.bytes(of: id) else {
            throw .idOutOfRange(key: "token", id: Int(id), count: vocabulary.count)
        }
        return Array(bytes)
    }

    /// Splits out special tokens and encodes what lies between them.
    private func encode(_ text: ClassifiedText, parseSpecial: Bool, into ids: inout [Int32]) {
        var start = 0
        var index = 0
        while index < text.bytes.count {
            let match = vocabulary.specials.match(
                in: text.bytes, at: index, parseControl: parseSpecial)
            guard let match else {
                index += 1
                continue
            }
            encodeOrdinary(start..<index, of: text, into: &ids)
            ids.append(match.id)
            index = match.end
            start = index
        }
        encodeOrdinary(start..<index, of: text, into: &ids)
    }

    private func encodeOrdinary(
        _ range: Range<Int>, of text: ClassifiedText, into ids: inout [Int32]
    ) {
        guard !range.isEmpty else { return }
        switch vocabulary.model {
        case .bytePair(let encoder): encoder.encode(range, of: text, into: &ids)
        case .sentencePiece(let encoder): encoder.encode(range, of: text, into: &ids)
        }
    }
}
