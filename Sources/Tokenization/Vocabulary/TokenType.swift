// SPDX-License-Identifier: Apache-2.0

/// What a token is for; the raw values are those of `tokenizer.ggml.token_type`.
package enum TokenType: Int32, Sendable {
    /// Part of ordinary text.
    case normal = 1
    /// Stands for what the vocabulary cannot write.
    case unknown = 2
    /// Steers the model; never part of ordinary text.
    case control = 3
    /// Text that is always this token, wherever it stands.
    case userDefined = 4
    /// A place in the vocabulary that training left alone.
    case unused = 5
    /// One byte of a character that has no token.
    case byte = 6
}
