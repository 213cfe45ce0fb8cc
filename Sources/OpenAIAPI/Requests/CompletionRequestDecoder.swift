// SPDX-License-Identifier: Apache-2.0

/// Fills a completion request field by field, then checks the fields against each other.
struct CompletionRequestDecoder {
    var request: CompletionRequest
    let limits: CompletionLimits
    let unknownFields: UnknownFieldPolicy
    private var bestOf: Int?
    private var hasStreamOptions = false

    init(
        request: CompletionRequest, limits: CompletionLimits, unknownFields: UnknownFieldPolicy
    ) {
        self.request = request
        self.limits = limits
        self.unknownFields = unknownFields
    }

    mutating func decode(_ body: [UInt8]) throws(APIError) {
        try JSONReader.readBody(body) { (field, reader) throws(APIError) in
            try readField(field, from: &reader)
        }
        try checkCombinations()
    }

    private mutating func readField(
        _ field: String, from reader: inout JSONReader
    ) throws(APIError) {
        if try !readKnownField(field, from: &reader) { try skipUnknown(field, in: &reader) }
    }

    /// Reads the value of `field` if it is one of a completion's, and says whether it was.
    mutating func readKnownField(
        _ field: String, from reader: inout JSONReader
    ) throws(APIError) -> Bool {
        if try request.sampling.read(field, from: &reader, limits: limits) { return true }
        if try request.stopping.read(field, from: &reader, limits: limits) { return true }
        if try readOwnField(field, from: &reader) { return true }
        if try readOutputField(field, from: &reader) { return true }
        if try readServiceField(field, from: &reader) { return true }
        if try readUnusedField(field, from: &reader) { return true }
        return try UnsupportedField.read(field, from: &reader)
    }

    private mutating func readOwnField(
        _ field: String, from reader: inout JSONReader
    ) throws(APIError) -> Bool {
        switch field {
        case "model": request.model = try reader.readText(field)
        case "prompt":
            (request.prompts, request.promptIsTokenList) = try reader.readPrompts(limits: limits)
        case "n":
            request.choicesPerPrompt = try reader.readCount(
                field, in: 1...limits.maxChoicesPerPrompt)
        case "best_of": bestOf = try reader.readCount(field, in: 1...limits.maxChoicesPerPrompt)
        case "suffix":
            let suffix = try reader.readText(field)
            request.suffix = suffix.isEmpty ? nil : suffix
        case "stream": request.streams = try reader.readFlag(field)
        case "stream_options": try readStreamOptions(from: &reader)
        default: return false
        }
        return true
    }

    /// Fields that say how the request is served, not what the answer is.
    private mutating func readServiceField(
        _ field: String, from reader: inout JSONReader
    ) throws(APIError) -> Bool {
        switch field {
        case "cache_salt":
            request.cacheSalt = try reader.readText(field, maxBytes: limits.maxCacheSaltBytes)
        case "priority":
            request.priority = Int(
                try reader.readInteger(field, in: Int64(Int32.min)...Int64(Int32.max)))
        case "deadline_ms":
            request.deadlineMilliseconds = try reader.readCount(
                field, in: 1...limits.maxDeadlineMilliseconds)
        default: return false
        }
        return true
    }

    private mutating func readOutputField(
        _ field: String, from reader: inout JSONReader
    ) throws(APIError) -> Bool {
        switch field {
        case "logprobs":
            request.logprobCount = try reader.readCount(field, in: 0...limits.maxLogprobCount)
        case "echo": request.echoes = try reader.readFlag(field)
        case "return_tokens_as_token_ids": request.namesTokensByID = try reader.readFlag(field)
        case "return_token_ids": request.returnsTokenIDs = try reader.readFlag(field)
        case "skip_special_tokens": request.skipsSpecialTokens = try reader.readFlag(field)
        case "add_special_tokens": request.addsSpecialTokens = try reader.readFlag(field)
        default: return false
        }
        return true
    }

    /// Fields that OpenAI keeps for its own records; nothing here depends on them.
    private func readUnusedField(
        _ field: String, from reader: inout JSONReader
    ) throws(APIError) -> Bool {
        switch field {
        case "user": _ = try reader.readText(field)
        case "store": _ = try reader.readFlag(field)
        case "metadata":
            try reader.beginObject(field)
            while try reader.nextKey() != nil { try reader.skipValue() }
        default: return false
        }
        return true
    }

    private mutating func readStreamOptions(from reader: inout JSONReader) throws(APIError) {
        hasStreamOptions = true
        try reader.beginObject("stream_options")
        while let key = try reader.nextKey() {
            if try reader.consumeNull() { continue }
            let field = "stream_options.\(key)"
            if key == "include_usage" {
                request.includesUsage = try reader.readFlag(field)
            } else {
                try skipUnknown(field, in: &reader)
            }
        }
    }

    mutating func skipUnknown(
        _ field: String, in reader: inout JSONReader
    ) throws(APIError) {
        try request.ignoredParams.skip(
            field, in: &reader, policy: unknownFields, maxCount: limits.maxUnknownFieldCount)
    }

    mutating func checkCombinations() throws(APIError) {
        guard !request.prompts.isEmpty else {
            throw .invalid("prompt", "prompt: wanted, but the body has none")
        }
        try checkBestOf()
        guard request.candidateCount <= limits.maxChoiceCount else {
            throw .invalid(
                bestOf == nil ? "n" : "best_of",
                wanted: "at most \(limits.maxChoiceCount) choices over all prompts",
                found: "\(request.prompts.count) prompts times \(request.candidatesPerPrompt)")
        }
        if hasStreamOptions && !request.streams {
            throw .invalid("stream_options", "stream_options: only allowed when stream is true")
        }
        if request.suffix != nil, request.echoes {
            throw .invalid("suffix", "suffix: not together with echo")
        }
        try checkTokenCounts()
    }

    private mutating func checkBestOf() throws(APIError) {
        let count = request.choicesPerPrompt
        request.candidatesPerPrompt = bestOf ?? count
        guard request.candidatesPerPrompt >= count else {
            throw .invalid(
                "best_of", wanted: "at least n (\(count))",
                found: "\(request.candidatesPerPrompt)")
        }
        if request.streams, request.candidatesPerPrompt > count {
            throw .invalid(
                "best_of",
                "best_of: more than n (\(count)) cannot be streamed, found "
                    + "\(request.candidatesPerPrompt)")
        }
    }

    private func checkTokenCounts() throws(APIError) {
        let stopping = request.stopping
        if stopping.maxTokenCount == 0 && !request.echoes {
            throw .invalid("max_tokens", "max_tokens: 0 is only allowed with echo")
        }
        guard stopping.minTokenCount <= stopping.maxTokenCount else {
            throw .invalid(
                "min_tokens", wanted: "at most max_tokens (\(stopping.maxTokenCount))",
                found: "\(stopping.minTokenCount)")
        }
    }
}
