// SPDX-License-Identifier: Apache-2.0

/// One message of a conversation.
package struct ChatMessage: Sendable, Equatable {
    /// Who speaks.
    package enum Role: String, Sendable, CaseIterable {
        case system, developer, user, assistant, tool
    }

    /// Who speaks.
    package var role: Role
    /// The texts of `content`: one for a string, one for each part of an array.
    package var texts: [String]
    /// `name`: which of several speakers of a role.
    package var name: String?
    /// `tool_call_id` of a tool's message.
    package var toolCallID: String?
    /// `reasoning_content`, also called `reasoning` or `thinking`: what an assistant thought first.
    package var reasoning: String?

    /// A message with one text.
    package init(role: Role, text: String) {
        self.role = role
        texts = [text]
    }

    fileprivate init(role: Role, texts: [String]) {
        self.role = role
        self.texts = texts
    }

    /// The whole text; parts have a line's end between them, as in vLLM.
    package var text: String { texts.joined(separator: "\n") }
}

extension ChatRequestDecoder {
    mutating func readMessages(from reader: inout JSONReader) throws(APIError) -> [ChatMessage] {
        var messages: [ChatMessage] = []
        try reader.beginArray("messages")
        while try reader.nextElement() {
            guard messages.count < limits.maxMessageCount else {
                throw .invalid(
                    "messages", wanted: "at most \(limits.maxMessageCount) messages", found: "more")
            }
            messages.append(try readMessage("messages[\(messages.count)]", from: &reader))
        }
        guard !messages.isEmpty else {
            throw .invalid("messages", wanted: "at least one message", found: "an empty array")
        }
        return messages
    }

    private mutating func readMessage(
        _ param: String, from reader: inout JSONReader
    ) throws(APIError) -> ChatMessage {
        var role: ChatMessage.Role?
        var texts: [String]?
        var extras = ChatMessage(role: .user, text: "")
        try reader.beginObject(param)
        while let key = try reader.nextKey() {
            if try reader.consumeNull() { continue }
            let field = "\(param).\(key)"
            switch key {
            case "role": role = try readRole(field, from: &reader)
            case "content": texts = try readContent(field, from: &reader)
            case "name": extras.name = try reader.readText(field)
            case "tool_call_id": extras.toolCallID = try reader.readText(field)
            case "reasoning_content", "reasoning", "thinking":
                extras.reasoning = try reader.readText(field)
            case "tool_calls", "function_call", "audio", "annotations", "refusal":
                try UnsupportedField.readEmpty(field, from: &reader)
            default: try skipUnknown(field, in: &reader)
            }
        }
        guard let role else {
            throw .invalid("\(param).role", "\(param).role: wanted, but the message has none")
        }
        guard let texts else {
            throw .invalid(
                "\(param).content", "\(param).content: wanted, but the message has none")
        }
        var message = ChatMessage(role: role, texts: texts)
        message.name = extras.name
        message.toolCallID = extras.toolCallID
        message.reasoning = extras.reasoning
        return message
    }

    private func readRole(
        _ param: String, from reader: inout JSONReader
    ) throws(APIError) -> ChatMessage.Role {
        let name = try reader.readText(param)
        guard let role = ChatMessage.Role(rawValue: name) else {
            let roles = ChatMessage.Role.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalid(
                param, wanted: "one of \(roles)", found: "\"\(APIError.clipped(name))\"")
        }
        return role
    }

    /// A string, or an array of parts that are text.
    private mutating func readContent(
        _ param: String, from reader: inout JSONReader
    ) throws(APIError) -> [String] {
        let kind = try reader.peekKind()
        if kind == .string { return [try reader.readString()] }
        guard kind == .array else {
            throw .invalid(param, wanted: "a string or an array of parts", found: kind.rawValue)
        }
        var texts: [String] = []
        try reader.beginArray()
        while try reader.nextElement() {
            guard texts.count < limits.maxContentPartCount else {
                throw .invalid(
                    param, wanted: "at most \(limits.maxContentPartCount) parts", found: "more")
            }
            texts.append(try readPart("\(param)[\(texts.count)]", from: &reader))
        }
        return texts
    }

    private mutating func readPart(
        _ param: String, from reader: inout JSONReader
    ) throws(APIError) -> String {
        var text: String?
        var hasType = false
        try reader.beginObject(param)
        while let key = try reader.nextKey() {
            if try reader.consumeNull() { continue }
            let field = "\(param).\(key)"
            switch key {
            case "type":
                let type = try reader.readText(field)
                guard type == "text" else {
                    throw .invalid(
                        field, wanted: "\"text\", which is all this server takes",
                        found: "\"\(APIError.clipped(type))\"")
                }
                hasType = true
            case "text": text = try reader.readText(field)
            default: try skipUnknown(field, in: &reader)
            }
        }
        guard hasType else {
            throw .invalid("\(param).type", "\(param).type: wanted, but the part has none")
        }
        guard let text else {
            throw .invalid("\(param).text", "\(param).text: wanted, but the part has none")
        }
        return text
    }
}
