// SPDX-License-Identifier: Apache-2.0

internal import OpenAIAPI
internal import Tokenization

/// Makes prompts of messages, by a model's template.
struct ChatPrompter: Sendable {
    /// A prompt, and what is known of the answer to it.
    struct Prompt: Equatable {
        let text: String
        /// Where the answer begins, if thoughts are to be told apart from it.
        let reasoning: ReasoningSplitter.Start?
    }

    private let template: ChatTemplate
    /// `bos_token` and the like, where the vocabulary has them.
    private let specialTokens: [String: String]
    /// Whether the template wants `content` to be an array of parts, and does nothing with a string.
    private let takesParts: Bool
    private let knowsDevelopers: Bool
    /// Whether the template knows the tags: then the model was trained with them.
    private let thinksInTags: Bool

    init(_ template: ChatTemplate, tokenizer: Tokenizer) {
        self.template = template
        specialTokens = Self.specialTokens(of: tokenizer)
        takesParts = Self.takesParts(template, specialTokens)
        knowsDevelopers = template.source.holds("developer")
        thinksInTags =
            template.source.holds(ReasoningSplitter.closingTag)
            || template.source.holds(ReasoningSplitter.openingTag)
    }

    /// The template as it was written.
    var templateSource: String { template.source }

    /// The prompt of a conversation.
    ///
    /// - Throws: `APIError` 400 with the template's own words where it refuses the messages, and for what it
    ///   cannot do with them.
    func prompt(for request: ChatRequest) throws(APIError) -> Prompt {
        guard request.continues else {
            let text = try render(request, request.messages)
            return Prompt(text: text, reasoning: reasoningStart(request, after: text))
        }
        return try continuation(of: request)
    }

    // MARK: Rendering

    private func render(
        _ request: ChatRequest, _ messages: [ChatMessage]
    ) throws(APIError) -> String {
        do throws(TemplateError) {
            return try template.render(try variables(request, messages), now: .now)
        } catch {
            throw .invalid(
                "messages",
                error.kind == .raised
                    ? "\(error)"
                    : "messages: the model's chat template cannot render them: \(error)")
        }
    }

    private func variables(
        _ request: ChatRequest, _ messages: [ChatMessage]
    ) throws(TemplateError) -> [String: TemplateValue] {
        var variables = specialTokens.mapValues { TemplateValue.string($0) }
        variables["messages"] = try .list(
            of: messages.map { (message) throws(TemplateError) in try value(of: message) })
        variables["tools"] = TemplateValue.none
        variables["documents"] = TemplateValue.none
        variables["add_generation_prompt"] = .bool(
            !request.continues && request.addsGenerationPrompt ?? true)
        for variable in request.templateVariables {
            variables[variable.key] = try TemplateValue(variable.value)
        }
        return variables
    }

    private func value(of message: ChatMessage) throws(TemplateError) -> TemplateValue {
        var members: [(key: String, value: TemplateValue)] = [
            ("role", .string(role(of: message))), ("content", try content(of: message)),
        ]
        if let name = message.name { members.append(("name", .string(name))) }
        if let id = message.toolCallID { members.append(("tool_call_id", .string(id))) }
        if let reasoning = message.reasoning {
            // Templates call it by either name.
            members.append(("reasoning_content", .string(reasoning)))
            members.append(("thinking", .string(reasoning)))
        }
        return try .dict(of: members)
    }

    /// "developer" is the newer name of "system"; few templates know it.
    private func role(of message: ChatMessage) -> String {
        message.role == .developer && !knowsDevelopers
            ? ChatMessage.Role.system.rawValue : message.role.rawValue
    }

    private func content(of message: ChatMessage) throws(TemplateError) -> TemplateValue {
        guard takesParts else { return .string(message.text) }
        return try Self.parts(message.texts)
    }

    private static func parts(_ texts: [String]) throws(TemplateError) -> TemplateValue {
        try .list(
            of: texts.map { (text) throws(TemplateError) in
                try .dict(of: [("type", .string("text")), ("text", .string(text))])
            })
    }

    // MARK: Continuing

    /// What transformers marks the end of the last message with, a space behind it, to find it in the prompt.
    private static let endMark = "CONTINUE_FINAL_MESSAGE_TAG"

    /// The prompt up to where the last message stops.
    private func continuation(of request: ChatRequest) throws(APIError) -> Prompt {
        var messages = request.messages
        let last = messages.count - 1
        let final = messages[last].texts.last ?? ""
        messages[last].texts = messages[last].texts.dropLast() + [final + Self.endMark + " "]
        let text = try render(request, messages)
        guard let (kept, rest) = text.cutAtLast(Self.endMark), text.holds(final.trimmingWhitespace)
        else {
            throw .invalid(
                "messages[\(last)]",
                "messages[\(last)]: cannot be continued, for the model's chat template changes it")
        }
        let isTrimmed = rest.utf8.first != UInt8(ascii: " ")
        let prompt = isTrimmed ? kept.trimmingTrailingWhitespace : kept
        return Prompt(text: prompt, reasoning: reasoningStart(request, continuing: final))
    }

    // MARK: Thoughts

    private func reasoningStart(
        _ request: ChatRequest, after prompt: String
    ) -> ReasoningSplitter.Start? {
        guard thinksInTags, request.splitsReasoning else { return nil }
        let tag = ReasoningSplitter.openingTag.utf8
        let end = prompt.trimmingTrailingWhitespace.utf8.suffix(tag.count)
        return end.elementsEqual(tag) ? .inside : .open
    }

    private func reasoningStart(
        _ request: ChatRequest, continuing text: String
    ) -> ReasoningSplitter.Start? {
        guard thinksInTags, request.splitsReasoning else { return nil }
        if text.isEmpty { return .open }
        guard let (_, rest) = text.cutAtLast(ReasoningSplitter.openingTag) else { return nil }
        return rest.holds(ReasoningSplitter.closingTag) ? nil : .inside
    }

    // MARK: What the template wants

    /// The texts of special tokens, by the names that templates have for them.
    static func specialTokens(of tokenizer: Tokenizer) -> [String: String] {
        let ids = tokenizer.vocabulary.specialIDs
        let named = [
            ("bos_token", ids.bos), ("eos_token", ids.eos), ("unk_token", ids.unknown),
            ("pad_token", ids.padding),
        ]
        return Dictionary(
            uniqueKeysWithValues: named.compactMap { name, id in
                id.map { (name, tokenizer.text(of: $0)) }
            })
    }

    /// Tries the template on a string, and if nothing comes of it, on parts.
    private static func takesParts(
        _ template: ChatTemplate, _ specialTokens: [String: String]
    ) -> Bool {
        func shows(_ content: TemplateValue) -> Bool {
            var variables = specialTokens.mapValues { TemplateValue.string($0) }
            variables["tools"] = TemplateValue.none
            variables["documents"] = TemplateValue.none
            variables["add_generation_prompt"] = .bool(true)
            do throws(TemplateError) {
                variables["messages"] = try .list(
                    of: [try .dict(of: [("role", .string("user")), ("content", content)])])
                return try template.render(variables, now: .now).holds("needle")
            } catch { return false }
        }
        guard !shows(.string("needle")), let parts = try? parts(["needle"]) else { return false }
        return shows(parts)
    }
}

extension String {
    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace
    }

    fileprivate var trimmingTrailingWhitespace: String {
        var scalars = unicodeScalars[...]
        while let last = scalars.last, Self.isSpace(last) { scalars.removeLast() }
        return String(scalars)
    }

    fileprivate var trimmingWhitespace: String {
        String(trimmingTrailingWhitespace.unicodeScalars.drop(while: Self.isSpace))
    }
}
