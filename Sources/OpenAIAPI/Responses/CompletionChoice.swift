// SPDX-License-Identifier: Apache-2.0

/// One choice of a response, or what a stream's chunk adds to it.
package struct CompletionChoice: Sendable, Equatable {
    /// Prompt index times `n` plus the number of the choice.
    package var index: Int
    /// The text; in a stream, the part that is new.
    package var text: String
    /// Log-probabilities of the tokens of `text`, if they were asked for.
    package var logprobs: CompletionLogprobs?
    /// Why the choice ended; nil while it goes on. Given exactly once per choice.
    package var finishReason: FinishReason?
    /// What stopped it, beside a finish reason of `stop`.
    package var stopReason: StopReason?
    /// Ids of the prompt, if ids were asked for; in a stream in the first chunk only. A chat completion has them
    /// beside its choices.
    package var promptTokenIDs: [Int32]?
    /// Ids of the answer, if ids were asked for.
    package var tokenIDs: [Int32]?

    /// A choice that goes on; the other parts are set as needed.
    package init(index: Int, text: String) {
        self.index = index
        self.text = text
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("index", index)
        writer.member("text", text)
        writer.key("logprobs")
        if let logprobs { logprobs.write(to: &writer) } else { writer.null() }
        writeFinish(to: &writer)
        writer.tokenIDs("prompt_token_ids", promptTokenIDs)
        writer.tokenIDs("token_ids", tokenIDs)
        writer.endObject()
    }

    /// Writes the members that say why the choice ended.
    func writeFinish(to writer: inout JSONWriter) {
        writer.member("finish_reason", finishReason?.rawValue)
        writer.key("stop_reason")
        switch stopReason {
        case .string(let text): writer.string(text)
        case .token(let id): writer.integer(id)
        case nil: writer.null()
        }
    }
}

extension JSONWriter {
    /// Writes a member whose value is an array of token ids; without ids, nothing.
    mutating func tokenIDs(_ name: String, _ ids: [Int32]?) {
        guard let ids else { return }
        key(name)
        array(ids) { $0.integer($1) }
    }
}
