// SPDX-License-Identifier: Apache-2.0

/// When an answer ends.
package struct StopOptions: Sendable, Equatable {
    /// `max_tokens`; 0 scores an echoed prompt and generates nothing.
    package var maxTokenCount = 16
    /// `min_tokens`: before that many, neither the end-of-sequence token nor a stop ends the answer.
    package var minTokenCount = 0
    /// `stop`: texts that end the answer; none is empty.
    package var strings: [String] = []
    /// `stop_token_ids`: tokens that end the answer, besides the model's own.
    package var tokenIDs: [Int32] = []
    /// `ignore_eos`: generate on past the end-of-sequence token.
    package var ignoresEndOfSequence = false
    /// `include_stop_str_in_output`: keep the stop string at the end of the text.
    package var includesStopString = false

    /// The defaults.
    package init() {}

    /// Reads the value of `field` if it is one of these options, and says whether it was.
    mutating func read(
        _ field: String, from reader: inout JSONReader, limits: CompletionLimits
    ) throws(APIError) -> Bool {
        switch field {
        case "max_tokens": maxTokenCount = try reader.readCount(field, in: 0...Int(Int32.max))
        case "min_tokens": minTokenCount = try reader.readCount(field, in: 0...Int(Int32.max))
        case "stop": strings = try reader.readStopStrings(limits: limits)
        case "stop_token_ids":
            tokenIDs = try reader.readTokenIDs(field, maxCount: limits.maxStopTokenCount)
        case "ignore_eos": ignoresEndOfSequence = try reader.readFlag(field)
        case "include_stop_str_in_output": includesStopString = try reader.readFlag(field)
        default: return false
        }
        return true
    }
}

extension JSONReader {
    fileprivate mutating func readStopStrings(
        limits: CompletionLimits
    ) throws(APIError) -> [String] {
        let kind = try peekKind()
        if kind == .string { return [try readText("stop", maxBytes: limits.maxStopStringBytes)] }
        guard kind == .array else {
            throw .invalid("stop", wanted: "a string or an array of strings", found: kind.rawValue)
        }
        var strings: [String] = []
        try beginArray()
        while try nextElement() {
            guard strings.count < limits.maxStopStringCount else {
                throw .invalid(
                    "stop", wanted: "at most \(limits.maxStopStringCount) strings", found: "more")
            }
            strings.append(
                try readText("stop[\(strings.count)]", maxBytes: limits.maxStopStringBytes))
        }
        return strings
    }
}
