// SPDX-License-Identifier: Apache-2.0

/// A field that other servers know and that would change the answer: refused here, unless its value
/// is the one that changes nothing.
enum UnsupportedField {
    /// The value that asks for nothing; `null` does so for every field.
    enum NeutralValue {
        case none
        case number(Double)
        case disabled
        case emptyArray
        case anyBoolean
        case word(Set<String>)
        /// `{"type": "text"}`
        case textFormat
        /// `["text"]`
        case onlyText
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
        "truncate_prompt_tokens": .none,
        "use_beam_search": .disabled,
    ]

    /// The fields of chat completions only.
    static let chatNeutralValues: [String: NeutralValue] = [
        "audio": .none,
        "chat_template": .none,
        "documents": .emptyArray,
        "echo": .disabled,
        "function_call": .word(["none", "auto"]),
        "functions": .emptyArray,
        "modalities": .onlyText,
        "parallel_tool_calls": .anyBoolean,
        "prediction": .none,
        "response_format": .textFormat,
        "service_tier": .word(["auto", "default"]),
        "tool_choice": .word(["none", "auto"]),
        "tools": .emptyArray,
        "verbosity": .word(["medium"]),
        "web_search_options": .none,
    ]

    /// Steps over the value of `field` if it is unsupported and neutral, and says whether it was.
    static func read(
        _ field: String, from reader: inout JSONReader
    ) throws(APIError) -> Bool {
        try read(field, neutralValues[field], from: &reader)
    }

    /// The same for a field of a chat completion.
    static func readChat(
        _ field: String, from reader: inout JSONReader
    ) throws(APIError) -> Bool {
        try read(field, chatNeutralValues[field], from: &reader)
    }

    /// Steps over an empty array, and refuses anything else.
    static func readEmpty(
        _ field: String, from reader: inout JSONReader
    ) throws(APIError) {
        _ = try read(field, .emptyArray, from: &reader)
    }

    private static func read(
        _ field: String, _ neutral: NeutralValue?, from reader: inout JSONReader
    ) throws(APIError) -> Bool {
        guard let neutral else { return false }
        let isNeutral =
            switch (neutral, try reader.peekKind()) {
            case (.number(let value), .number): try reader.readNumber().double == value
            case (.disabled, .boolean): try !reader.readBoolean()
            case (.emptyArray, .array): try reader.readEmptyArray()
            case (.anyBoolean, .boolean): try reader.readAnyBoolean()
            case (.word(let words), .string): words.contains(try reader.readString())
            case (.textFormat, .object):
                try reader.readValue() == .object([.init("type", .string("text"))])
            case (.onlyText, .array): try reader.readValue() == .array([.string("text")])
            default: false
            }
        guard isNeutral else { throw .invalid(field, "\(field): not supported by this server") }
        return true
    }
}

extension JSONReader {
    fileprivate mutating func readAnyBoolean() throws(APIError) -> Bool {
        _ = try readBoolean()
        return true
    }

    /// Whether the array that follows is empty; read to its end only if it is.
    fileprivate mutating func readEmptyArray() throws(APIError) -> Bool {
        try beginArray()
        return try !nextElement()
    }
}
