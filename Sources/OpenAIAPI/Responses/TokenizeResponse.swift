// SPDX-License-Identifier: Apache-2.0

/// The answer to `POST /tokenize`: vLLM's, in which llama.cpp's clients find their `tokens`.
package struct TokenizeResponse: Sendable {
    /// The ids.
    package var tokens: [Int32]
    /// The longest context served, in tokens.
    package var maxContextLength: Int
    /// The bytes of each token, where the tokens' texts are wanted; else empty.
    package var tokenBytes: [[UInt8]] = []
    /// `return_token_strs`
    package var returnsTexts = false
    /// `with_pieces`
    package var returnsPieces = false

    /// The ids alone.
    package init(tokens: [Int32], maxContextLength: Int) {
        self.tokens = tokens
        self.maxContextLength = maxContextLength
    }

    /// The response body.
    package var body: [UInt8] {
        var writer = JSONWriter(reservedBytes: 64 + 8 * tokens.count)
        writer.beginObject()
        writer.member("count", tokens.count)
        writer.member("max_model_len", maxContextLength)
        writer.key("tokens")
        if returnsPieces {
            writer.array(Array(zip(tokens, tokenBytes))) { Self.write($1.0, $1.1, to: &$0) }
        } else {
            writer.array(tokens) { $0.integer($1) }
        }
        writer.key("token_strs")
        if returnsTexts {
            writer.array(tokenBytes) { $0.string(String(decoding: $1, as: UTF8.self)) }
        } else {
            writer.null()
        }
        writer.endObject()
        return writer.bytes
    }

    /// llama.cpp's form of a token: its text, or its bytes where they are not whole characters.
    private static func write(_ token: Int32, _ bytes: [UInt8], to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("id", token)
        writer.key("piece")
        if let text = String(validating: bytes, as: UTF8.self) {
            writer.string(text)
        } else {
            writer.array(bytes) { $0.integer($1) }
        }
        writer.endObject()
    }
}

/// The answer to `POST /detokenize`.
package enum DetokenizeResponse {
    /// The response body: the text as vLLM names it, and as llama.cpp does.
    package static func body(_ text: String) -> [UInt8] {
        var writer = JSONWriter(reservedBytes: 64 + 2 * text.utf8.count)
        writer.beginObject()
        writer.member("prompt", text)
        writer.member("content", text)
        writer.endObject()
        return writer.bytes
    }
}
