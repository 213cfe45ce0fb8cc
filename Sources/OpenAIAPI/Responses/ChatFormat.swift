// SPDX-License-Identifier: Apache-2.0

/// The shape of `/v1/chat/completions`.
package struct ChatFormat: AnswerFormat {
    private let envelope: CompletionEnvelope
    private let stream: CompletionStream
    /// Tells thoughts from answer, one for each choice; empty where thoughts are not told apart.
    private var splitters: [ReasoningSplitter]
    private let choiceCount: Int
    /// Ids of the prompt, if ids were asked for.
    private let promptTokenIDs: [Int32]?

    /// Answers that all carry `envelope`. `reasoning` says where the choices begin; nil leaves thoughts in
    /// the answer. `promptTokenIDs` are told once, beside the choices.
    package init(
        envelope: CompletionEnvelope, includesUsage: Bool, choiceCount: Int,
        reasoning: ReasoningSplitter.Start?, promptTokenIDs: [Int32]? = nil
    ) {
        self.envelope = envelope
        stream = CompletionStream(
            envelope: envelope, object: "chat.completion.chunk", includesUsage: includesUsage)
        self.choiceCount = choiceCount
        self.promptTokenIDs = promptTokenIDs
        splitters =
            reasoning.map { start in
                (0..<choiceCount).map { _ in ReasoningSplitter(start) }
            } ?? []
    }

    /// A chunk for each choice that says who speaks.
    package mutating func openingFrames() -> [[UInt8]] {
        (0..<choiceCount).map { index in
            stream.chunk(promptTokenIDs: index == 0 ? promptTokenIDs : nil) { writer in
                writer.beginObject()
                writer.member("index", index)
                writer.key("delta")
                writer.beginObject()
                writer.member("role", "assistant")
                writer.member("content", "")
                writer.endObject()
                writeEnd(of: CompletionChoice(index: index, text: ""), to: &writer)
                writer.endObject()
            }
        }
    }

    /// A chunk with what the choice adds; nil where all of it is held back.
    package mutating func frame(_ choice: CompletionChoice) -> [UInt8]? {
        let text = split(choice)
        let isEmpty =
            text.reasoning.isEmpty && text.content.isEmpty && choice.finishReason == nil
            && choice.logprobs?.tokens.isEmpty != false && choice.tokenIDs?.isEmpty != false
        guard !isEmpty else { return nil }
        return stream.chunk { writer in
            writer.beginObject()
            writer.member("index", choice.index)
            writer.key("delta")
            writer.beginObject()
            if !text.reasoning.isEmpty { writer.member("reasoning_content", text.reasoning) }
            if !text.content.isEmpty { writer.member("content", text.content) }
            writer.endObject()
            writeEnd(of: choice, to: &writer)
            writer.endObject()
        }
    }

    /// A chunk with the usage and no choices.
    package func usageFrame(_ usage: Usage) -> [UInt8] { stream.usageFrame(usage) }

    /// The whole chat completion.
    package mutating func body(_ choices: [CompletionChoice], usage: Usage) -> [UInt8] {
        let texts = choices.map { split($0) }
        var writer = JSONWriter(reservedBytes: 1024)
        envelope.writeOpening(to: &writer, object: "chat.completion")
        writer.array(Array(zip(choices, texts))) { write($1.0, $1.1, to: &$0) }
        writer.key("usage")
        usage.write(to: &writer)
        writer.tokenIDs("prompt_token_ids", promptTokenIDs)
        writer.endObject()
        return writer.bytes
    }

    private mutating func split(_ choice: CompletionChoice) -> ReasoningSplitter.Text {
        guard splitters.indices.contains(choice.index) else {
            return .init(content: choice.text)
        }
        var text = splitters[choice.index].append(choice.text)
        if choice.finishReason != nil {
            let rest = splitters[choice.index].finish()
            text.reasoning += rest.reasoning
            text.content += rest.content
        }
        return text
    }

    private func write(
        _ choice: CompletionChoice, _ text: ReasoningSplitter.Text, to writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.member("index", choice.index)
        writer.key("message")
        writer.beginObject()
        writer.member("role", "assistant")
        writer.member("content", text.content)
        if !text.reasoning.isEmpty { writer.member("reasoning_content", text.reasoning) }
        writer.member("refusal", nil)
        writer.endObject()
        writeEnd(of: choice, to: &writer)
        writer.endObject()
    }

    /// Writes the members that follow the message, or what is new of it.
    private func writeEnd(of choice: CompletionChoice, to writer: inout JSONWriter) {
        writer.key("logprobs")
        if let logprobs = choice.logprobs {
            logprobs.writeChat(to: &writer)
        } else {
            writer.null()
        }
        choice.writeFinish(to: &writer)
        writer.tokenIDs("token_ids", choice.tokenIDs)
    }
}

extension CompletionLogprobs {
    /// Writes the `logprobs` object of a chat completion.
    func writeChat(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("content")
        writer.array(tokens) { writer, token in
            writer.beginObject()
            writeEntry(token.id, token.text, token.bytes, token.logprob ?? 0, to: &writer)
            writer.key("top_logprobs")
            writer.array(token.candidates ?? []) { writer, candidate in
                writer.beginObject()
                writeEntry(
                    candidate.id, candidate.text, candidate.bytes, candidate.logprob, to: &writer)
                writer.endObject()
            }
            writer.endObject()
        }
        writer.key("refusal")
        writer.null()
        writer.endObject()
    }

    private func writeEntry(
        _ id: Int32, _ text: String, _ bytes: [UInt8], _ logprob: Double,
        to writer: inout JSONWriter
    ) {
        writer.member("token", name(of: id, text))
        writer.key("logprob")
        writer.double(clipped(logprob))
        writer.key("bytes")
        writer.array(bytes) { $0.integer($1) }
    }
}
