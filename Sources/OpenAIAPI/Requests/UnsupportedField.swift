// SPDX-License-Identifier: Apache-2.0

/// A field that other servers know and that would change the answer: refused here, unless its value
/// is the one that changes nothing.
enum UnsupportedField {
    /// The value that asks for nothing; `null` does so for every field.
    enum NeutralValue {
        case none
        case number(Double)
        case disabled
        case emptyString
        case emptyArray
    }

    static let neutralValues: [String: NeutralValue] = [
        "allowed_token_ids": .none,
        "bad_words": .emptyArray,
        "guided_choice": .none,
        "guided_grammar": .none,
        "guided_json": .none,
        "guided_regex": .none,
        "length_penalty": .number(1),
        "prompt_embeds": .none,
        "prompt_logprobs": .none,
        "response_format": .none,
        "structured_outputs": .none,
        "suffix": .emptyString,
        "truncate_prompt_tokens": .none,
        "typical_p": .number(1),
        "use_beam_search": .disabled,
    ]

    /// Steps over the value of `field` if it is unsupported and neutral, and says whether it was.
    static func read(
        _ field: String, from reader: inout JSONReader
    ) throws(APIError) -> Bool {
        guard let neutral = neutralValues[field] else { return false }
        let isNeutral =
            switch (neutral, try reader.peekKind()) {
            case (.number(let value), .number): try reader.readNumber().double == value
            case (.disabled, .boolean): try !reader.readBoolean()
            case (.emptyString, .string): try reader.readString().isEmpty
            case (.emptyArray, .array): try reader.readEmptyArray()
            default: false
            }
        guard isNeutral else { throw .invalid(field, "\(field): not supported by this server") }
        return true
    }
}

extension JSONReader {
    /// Whether the array that follows is empty; read to its end only if it is.
    fileprivate mutating func readEmptyArray() throws(APIError) -> Bool {
        try beginArray()
        return try !nextElement()
    }
}
