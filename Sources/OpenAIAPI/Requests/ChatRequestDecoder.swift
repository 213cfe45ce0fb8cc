// SPDX-License-Identifier: Apache-2.0

/// Fills a chat request field by field, then checks the fields against each other.
struct ChatRequestDecoder {
    private(set) var request = ChatRequest(messages: [])
    let limits: CompletionLimits
    /// Reads what chat completions and completions have in common.
    private var common: CompletionRequestDecoder
    private var maxTokenCount: Int?
    private var maxCompletionTokenCount: Int?
    private var reportsLogprobs = false
    private var topLogprobCount: Int?

    init(limits: CompletionLimits, unknownFields: UnknownFieldPolicy) {
        self.limits = limits
        common = CompletionRequestDecoder(
            request: request.completion, limits: limits, unknownFields: unknownFields)
    }

    mutating func decode(_ body: [UInt8]) throws(APIError) -> ChatRequest {
        try JSONReader.readBody(body) { (field, reader) throws(APIError) in
            try readField(field, from: &reader)
        }
        try checkCombinations()
        request.completion = common.request
        return request
    }

    /// The unknown fields that were stepped over.
    var ignoredParams: IgnoredParams { common.request.ignoredParams }

    mutating func skipUnknown(
        _ field: String, in reader: inout JSONReader
    ) throws(APIError) {
        try common.skipUnknown(field, in: &reader)
    }

    private mutating func readField(
        _ field: String, from reader: inout JSONReader
    ) throws(APIError) {
        if try readConversation(field, from: &reader) { return }
        if try readOutputField(field, from: &reader) { return }
        if try UnsupportedField.readChat(field, from: &reader) { return }
        // Fields of completions that a chat completion does not have.
        if ["prompt", "best_of", "suffix"].contains(field) {
            try skipUnknown(field, in: &reader)
        } else if try !common.readKnownField(field, from: &reader) {
            try skipUnknown(field, in: &reader)
        }
    }

    /// Reads the value of `field` if it says what the template gets, and says whether it does.
    mutating func readConversation(
        _ field: String, from reader: inout JSONReader
    ) throws(APIError) -> Bool {
        switch field {
        case "messages": request.messages = try readMessages(from: &reader)
        case "add_generation_prompt":
            request.addsGenerationPrompt = try reader.readFlag(field)
        case "continue_final_message":
            request.continuesFinalMessage = try reader.readFlag(field)
        case "chat_template_kwargs": try readTemplateVariables(from: &reader)
        case "reasoning_effort":
            let effort = try reader.readText(field, maxBytes: 64)
            request.templateVariables.append(.init(field, .string(effort)))
        default: return false
        }
        return true
    }

    private mutating func readOutputField(
        _ field: String, from reader: inout JSONReader
    ) throws(APIError) -> Bool {
        switch field {
        case "max_tokens": maxTokenCount = try reader.readCount(field, in: 1...Int(Int32.max))
        case "max_completion_tokens":
            maxCompletionTokenCount = try reader.readCount(field, in: 1...Int(Int32.max))
        case "logprobs": reportsLogprobs = try reader.readFlag(field)
        case "top_logprobs":
            topLogprobCount = try reader.readCount(field, in: 0...limits.maxLogprobCount)
        case "reasoning_format": request.splitsReasoning = try readReasoningFormat(from: &reader)
        // OpenAI's records and caches; nothing here depends on them.
        case "safety_identifier", "prompt_cache_key": _ = try reader.readText(field)
        default: return false
        }
        return true
    }

    private func readReasoningFormat(from reader: inout JSONReader) throws(APIError) -> Bool {
        let format = try reader.readText("reasoning_format")
        switch format {
        case "none": return false
        case "auto", "deepseek": return true
        default:
            throw .invalid(
                "reasoning_format", wanted: "\"none\", \"auto\" or \"deepseek\"",
                found: "\"\(APIError.clipped(format))\"")
        }
    }

    /// Variables that the request's own fields give are not given twice.
    private static let reservedVariables: Set<String> = [
        "messages", "tools", "add_generation_prompt", "continue_final_message", "chat_template",
    ]

    private mutating func readTemplateVariables(
        from reader: inout JSONReader
    ) throws(APIError) {
        let field = "chat_template_kwargs"
        try reader.beginObject(field)
        while let name = try reader.nextKey() {
            guard !Self.reservedVariables.contains(name) else {
                let param = "\(field).\(name)"
                throw .invalid(param, "\(param): has no place here")
            }
            request.templateVariables.append(.init(name, try reader.readValue()))
        }
    }

    private mutating func checkCombinations() throws(APIError) {
        try checkConversation()
        try takeLimits()
        guard reportsLogprobs || (topLogprobCount ?? 0) == 0 else {
            throw .invalid("top_logprobs", "top_logprobs: only allowed when logprobs is true")
        }
        common.request.logprobCount = reportsLogprobs ? topLogprobCount ?? 0 : nil
        try common.checkCombinations()
    }

    /// Checks what the template gets.
    func checkConversation() throws(APIError) {
        guard !request.messages.isEmpty else {
            throw .invalid("messages", "messages: wanted, but the body has none")
        }
        if request.addsGenerationPrompt == true, request.continuesFinalMessage == true {
            throw .invalid(
                "continue_final_message",
                "continue_final_message: cannot be true when add_generation_prompt is")
        }
    }

    private mutating func takeLimits() throws(APIError) {
        if let maxTokenCount, let maxCompletionTokenCount, maxTokenCount != maxCompletionTokenCount
        {
            throw .invalid(
                "max_tokens",
                "max_tokens: wanted max_completion_tokens (\(maxCompletionTokenCount)), of which it "
                    + "is the old name, found \(maxTokenCount)")
        }
        guard let limit = maxCompletionTokenCount ?? maxTokenCount else { return }
        request.limitsAnswer = true
        common.request.stopping.maxTokenCount = limit
    }
}
