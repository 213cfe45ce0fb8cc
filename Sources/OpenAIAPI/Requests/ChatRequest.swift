// SPDX-License-Identifier: Apache-2.0

/// The body of `POST /v1/chat/completions`, checked as far as it can be without the model.
///
/// A chat completion is the completion of a prompt that the model's template makes of messages: what the two
/// have in common is in `completion`.
package struct ChatRequest: Sendable, Equatable {
    /// At least one.
    package var messages: [ChatMessage]
    /// How the answer is generated. Its prompt is empty until the messages are rendered; without
    /// `limitsAnswer` its `max_tokens` is the largest there is.
    package var completion: CompletionRequest
    /// Whether `max_completion_tokens` or `max_tokens` is given; without, the context is the limit.
    package var limitsAnswer = false
    /// `add_generation_prompt`: end the prompt where the assistant's turn begins.
    package var addsGenerationPrompt: Bool?
    /// `continue_final_message`: the answer goes on where the last message stops.
    package var continuesFinalMessage: Bool?
    /// `chat_template_kwargs` and `reasoning_effort`: further variables of the template.
    package var templateVariables: [JSONValue.Member] = []
    /// `reasoning_format`: whether thoughts in tags are told apart from the answer.
    package var splitsReasoning = true

    /// A request for these messages and else the defaults.
    package init(messages: [ChatMessage]) {
        self.messages = messages
        completion = CompletionRequest(prompt: "")
        completion.addsSpecialTokens = false
        completion.stopping.maxTokenCount = Int(Int32.max)
    }

    /// Whether the answer goes on where the last message stops: where it is asked for, and after an
    /// assistant's message unless a new turn is asked for.
    package var continues: Bool {
        continuesFinalMessage
            ?? (addsGenerationPrompt == nil && messages.last?.role == .assistant)
    }

    /// Decodes a body.
    ///
    /// - Throws: `APIError` 400, whose `param` is the field, for everything that is wrong with it.
    package static func decode(
        _ body: [UInt8], limits: CompletionLimits = CompletionLimits(),
        unknownFields: UnknownFieldPolicy = .warn
    ) throws(APIError) -> ChatRequest {
        var decoder = ChatRequestDecoder(limits: limits, unknownFields: unknownFields)
        return try decoder.decode(body)
    }
}
