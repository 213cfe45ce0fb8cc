// SPDX-License-Identifier: Apache-2.0

internal import Tokenization

extension Tokenizer {
    /// The token ids of a rendered prompt.
    ///
    /// Texts of special tokens become these tokens, whoever wrote them, as in transformers: the template's text
    /// and that of messages are not told apart. The template writes BOS itself; with `addsSpecial` the
    /// vocabulary's BOS and EOS are added where the template has not begun with BOS.
    func encode(
        rendered prompt: String, addsSpecial: Bool
    ) throws(TokenizerError) -> [Int32] {
        let bos = vocabulary.specialIDs.bos.flatMap { vocabulary.bytes(of: $0) } ?? []
        let hasBOS = !bos.isEmpty && prompt.utf8.starts(with: bos)
        return try encode(prompt, addSpecial: addsSpecial && !hasBOS, parseSpecial: true)
    }
}
