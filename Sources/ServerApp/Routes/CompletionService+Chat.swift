// SPDX-License-Identifier: Apache-2.0

internal import OpenAIAPI
internal import Tokenization

extension CompletionService {
    /// What a client wants: a completion of its prompts, or of a conversation.
    enum AnswerKind: Sendable {
        case completion
        case chat(reasoning: ReasoningSplitter.Start?)
    }

    /// Decodes, checks, renders and tokenises the body of a chat completion.
    func prepareChat(_ body: [UInt8]) throws(APIError) -> Prepared {
        let chat = try ChatRequest.decode(body, unknownFields: unknownFields)
        try check(model: chat.completion.model)
        var request = chat.completion
        try request.validate(vocabularyCount: vocabularySize)
        let (prompt, ids) = try encode(chat, addsSpecial: request.addsSpecialTokens)
        if !chat.limitsAnswer {
            request.stopping.maxTokenCount = try roomForAnswer(to: ids.count)
        }
        return Prepared(
            request: request, prompts: [ids], kind: .chat(reasoning: prompt.reasoning))
    }

    /// The prompt that the template makes of a conversation, and its token ids.
    func encode(
        _ chat: ChatRequest, addsSpecial: Bool
    ) throws(APIError) -> (ChatPrompter.Prompt, [Int32]) {
        guard let prompter else { throw .invalid("messages", "messages: \(chatAbsence)") }
        let prompt = try prompter.prompt(for: chat)
        let ids: [Int32]
        do {
            ids = try tokenizer.encode(rendered: prompt.text, addsSpecial: addsSpecial)
        } catch { throw .invalid("messages", "messages: \(error)") }
        guard !ids.isEmpty else {
            throw .invalid("messages", "messages: the model's chat template makes nothing of them")
        }
        return (prompt, ids)
    }

    /// The most tokens that can follow a prompt of so many.
    private func roomForAnswer(to promptTokenCount: Int) throws(APIError) -> Int {
        let room = min(card.maxContextLength, maxFittingLength) - promptTokenCount
        guard room > 0 else {
            throw .contextLengthExceeded(
                field: "messages", promptTokenCount: promptTokenCount, maxTokenCount: 1,
                maxContextLength: min(card.maxContextLength, maxFittingLength))
        }
        return room
    }

    /// How the answer is written.
    func format(
        _ prepared: Prepared, _ envelope: CompletionEnvelope
    ) -> any AnswerFormat {
        let request = prepared.request
        switch prepared.kind {
        case .completion:
            return CompletionFormat(envelope: envelope, includesUsage: request.includesUsage)
        case .chat(let reasoning):
            return ChatFormat(
                envelope: envelope, includesUsage: request.includesUsage,
                choiceCount: request.choiceCount, reasoning: reasoning,
                promptTokenIDs: request.returnsTokenIDs ? prepared.prompts.first : nil)
        }
    }
}
