// SPDX-License-Identifier: Apache-2.0

/// One prompt of a completion request.
package enum Prompt: Sendable, Equatable {
    /// To be tokenized; may be empty.
    case text(String)
    /// Used as it is; never empty.
    case tokens([Int32])
}

extension JSONReader {
    /// Reads the four shapes of `prompt`: a string, an array of ids, and arrays that mix strings and
    /// arrays of ids; says whether it was the array of ids.
    mutating func readPrompts(
        limits: CompletionLimits
    ) throws(APIError) -> (prompts: [Prompt], isTokenList: Bool) {
        switch try peekKind() {
        case .string: return ([.text(try readString())], false)
        case .array: return try readPromptList(limits: limits)
        case let kind:
            throw .invalid(
                "prompt", wanted: "a string, an array of strings or an array of token ids",
                found: kind.rawValue)
        }
    }

    private mutating func readPromptList(
        limits: CompletionLimits
    ) throws(APIError) -> (prompts: [Prompt], isTokenList: Bool) {
        var prompts: [Prompt] = []
        try beginArray()
        while try nextElement() {
            if prompts.isEmpty, try peekKind() == .number {
                return ([.tokens(try readTokenIDsAfterOpening("prompt"))], true)
            }
            guard prompts.count < limits.maxPromptCount else {
                throw .invalid(
                    "prompt", wanted: "at most \(limits.maxPromptCount) prompts", found: "more")
            }
            prompts.append(try readPromptElement("prompt[\(prompts.count)]"))
        }
        guard !prompts.isEmpty else {
            throw .invalid("prompt", wanted: "at least one prompt", found: "an empty array")
        }
        return (prompts, false)
    }

    private mutating func readPromptElement(_ param: String) throws(APIError) -> Prompt {
        switch try peekKind() {
        case .string: return .text(try readString())
        case .array:
            try beginArray()
            guard try nextElement() else {
                throw .invalid(param, wanted: "at least one token id", found: "an empty array")
            }
            return .tokens(try readTokenIDsAfterOpening(param))
        case let kind:
            throw .invalid(
                param, wanted: "a string or an array of token ids", found: kind.rawValue)
        }
    }

    /// Reads the ids of an array whose first element is next.
    private mutating func readTokenIDsAfterOpening(_ param: String) throws(APIError) -> [Int32] {
        var ids: [Int32] = []
        repeat {
            ids.append(try readTokenID("\(param)[\(ids.count)]"))
        } while try nextElement()
        return ids
    }
}
