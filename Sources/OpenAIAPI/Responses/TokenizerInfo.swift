// SPDX-License-Identifier: Apache-2.0

/// The answer to `GET /tokenizer_info`: members of a `tokenizer_config.json`, as vLLM gives them.
package struct TokenizerInfo: Sendable {
    /// `bos_token`, `eos_token`, `unk_token` and `pad_token`: the texts of those that there are.
    package var specialTokens: [String: String]
    /// Whether texts are begun with BOS.
    package var addsBOS: Bool
    /// The model's Jinja template; nil where it has none.
    package var chatTemplate: String?
    /// The longest context served, in tokens.
    package var maxContextLength: Int

    /// As given.
    package init(
        specialTokens: [String: String], addsBOS: Bool, chatTemplate: String?,
        maxContextLength: Int
    ) {
        self.specialTokens = specialTokens
        self.addsBOS = addsBOS
        self.chatTemplate = chatTemplate
        self.maxContextLength = maxContextLength
    }

    /// The response body.
    package var body: [UInt8] {
        var writer = JSONWriter(reservedBytes: 256 + (chatTemplate?.utf8.count ?? 0))
        writer.beginObject()
        for name in ["bos_token", "eos_token", "unk_token", "pad_token"] {
            writer.member(name, specialTokens[name])
        }
        writer.key("add_bos_token")
        writer.boolean(addsBOS)
        writer.member("model_max_length", maxContextLength)
        writer.member("chat_template", chatTemplate)
        writer.endObject()
        return writer.bytes
    }
}
