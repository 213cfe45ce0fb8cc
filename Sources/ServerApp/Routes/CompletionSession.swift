// SPDX-License-Identifier: Apache-2.0

internal import HTTPServing
internal import HTTPTypes
internal import OpenAIAPI

/// One completion or chat completion between its admission and the end of its answer. I/O loop only.
struct CompletionSession {
    private let exchange: Exchange
    private var format: any AnswerFormat
    private let streams: Bool
    private let includesUsage: Bool
    private let namesTokensByID: Bool
    private let wantsLogprobs: Bool
    /// Whether the head of a stream is still to be sent: until there is something to stream, the answer may be
    /// an error with a status of its own.
    private var awaitsHead: Bool
    /// Ids of each choice's prompt, where the client wants ids.
    private let promptTokenIDs: [[Int32]]?
    private let promptTokenCount: Int
    private let headers: HTTPFields
    private var choices: [CompletionChoice]
    private var openChoiceCount: Int
    private var completionTokenCount = 0
    private var cachedTokenCount = 0
    /// How many of the choices of a prompt are returned, and how many there are.
    private let choicesPerPrompt: Int
    private let candidatesPerPrompt: Int
    /// Of each choice, where they are ranked.
    private var meanLogProbabilities: [Double]

    init(
        _ exchange: Exchange, _ request: CompletionRequest, format: any AnswerFormat,
        promptTokenCount: Int, promptTokenIDs: [[Int32]]
    ) {
        self.exchange = exchange
        self.format = format
        streams = request.streams
        includesUsage = request.includesUsage
        namesTokensByID = request.namesTokensByID
        wantsLogprobs = request.logprobCount != nil
        awaitsHead = request.streams
        self.promptTokenCount = promptTokenCount
        self.promptTokenIDs = request.returnsTokenIDs ? promptTokenIDs : nil
        headers = request.ignoredParams.headerFields
        choicesPerPrompt = request.choicesPerPrompt
        candidatesPerPrompt = request.candidatesPerPrompt
        choices = (0..<request.candidateCount).map { CompletionChoice(index: $0, text: "") }
        openChoiceCount = request.candidateCount
        meanLogProbabilities = Array(repeating: 0, count: request.candidateCount)
        for index in choices.indices { prepare(&choices[index]) }
    }

    private func prepare(_ choice: inout CompletionChoice) {
        if wantsLogprobs {
            choice.logprobs = CompletionLogprobs(tokens: [], namesTokensByID: namesTokensByID)
        }
        if let promptTokenIDs {
            choice.promptTokenIDs = promptTokenIDs[choice.index]
            choice.tokenIDs = []
        }
    }

    /// Whether the client is still there.
    func isOpen(on server: isolated HTTPServer) -> Bool {
        exchange.pendingOutputBytes(on: server) != nil
    }

    /// Sends or keeps what the engine says; true when the answer is complete.
    mutating func handle(_ content: GenerationOutput.Content, on server: isolated HTTPServer)
        -> Bool
    {
        switch content {
        case .failed(let error):
            fail(error, on: server)
            return true
        case .delta(let delta):
            return handle(delta, on: server)
        }
    }

    private func fail(_ error: APIError, on server: isolated HTTPServer) {
        guard streams, !awaitsHead else {
            exchange.respond(error, on: server)
            return
        }
        exchange.write(CompletionStream.errorFrame(error), on: server)
        exchange.write(CompletionStream.done, on: server)
        exchange.finish(on: server)
    }

    private mutating func beginStream(on server: isolated HTTPServer) {
        guard awaitsHead else { return }
        awaitsHead = false
        exchange.begin(streamHead, on: server)
        for frame in format.openingFrames() { exchange.write(frame, on: server) }
    }

    private mutating func handle(_ delta: ChoiceDelta, on server: isolated HTTPServer) -> Bool {
        completionTokenCount += delta.tokenIDs.count
        cachedTokenCount += delta.cachedTokenCount
        if delta.finish != nil {
            openChoiceCount -= 1
            meanLogProbabilities[delta.index] = delta.meanLogProbability
        }
        if streams {
            beginStream(on: server)
            var choice = CompletionChoice(index: delta.index, text: "")
            prepare(&choice)
            // The prompt's ids are in a choice's first chunk only.
            if choices[delta.index].promptTokenIDs == nil { choice.promptTokenIDs = nil }
            choices[delta.index].promptTokenIDs = nil
            Self.add(delta, to: &choice)
            if let frame = format.frame(choice) { exchange.write(frame, on: server) }
        } else {
            Self.add(delta, to: &choices[delta.index])
        }
        guard openChoiceCount == 0 else { return false }
        finish(on: server)
        return true
    }

    private static func add(_ delta: ChoiceDelta, to choice: inout CompletionChoice) {
        choice.text += delta.text
        choice.logprobs?.tokens += delta.logprobs
        choice.tokenIDs?.append(contentsOf: delta.tokenIDs)
        choice.finishReason = delta.finish?.reason
        choice.stopReason = delta.finish?.stopReason
    }

    private mutating func finish(on server: isolated HTTPServer) {
        let usage = Usage(
            promptTokenCount: promptTokenCount, completionTokenCount: completionTokenCount,
            cachedTokenCount: cachedTokenCount)
        guard streams else {
            let body = format.body(returnedChoices, usage: usage)
            exchange.respond(body, headers: headers, on: server)
            return
        }
        if includesUsage { exchange.write(format.usageFrame(usage), on: server) }
        exchange.write(CompletionStream.done, on: server)
        exchange.finish(on: server)
    }

    /// Of each prompt's choices the likeliest by their mean log-probability, likeliest first, where more were
    /// generated than are wanted; of equal ones the earlier.
    private var returnedChoices: [CompletionChoice] {
        guard candidatesPerPrompt > choicesPerPrompt else { return choices }
        var returned: [CompletionChoice] = []
        for first in stride(from: 0, to: choices.count, by: candidatesPerPrompt) {
            let ranked = (first..<first + candidatesPerPrompt).sorted {
                (-meanLogProbabilities[$0], $0) < (-meanLogProbabilities[$1], $1)
            }
            for candidate in ranked.prefix(choicesPerPrompt) {
                var choice = choices[candidate]
                choice.index = returned.count
                returned.append(choice)
            }
        }
        return returned
    }

    private var streamHead: HTTPResponse {
        var head = HTTPResponse(status: .ok, headerFields: headers)
        head.headerFields[.contentType] = "text/event-stream; charset=utf-8"
        head.headerFields[.cacheControl] = "no-cache"
        return head
    }
}

extension IgnoredParams {
    /// `X-Ignored-Params`, where there is something to say.
    var headerFields: HTTPFields {
        guard let headerValue, let name = HTTPField.Name("X-Ignored-Params") else { return [:] }
        return [name: headerValue]
    }
}

extension Exchange {
    /// Answers with an error's status, body and `Retry-After`.
    func respond(_ error: APIError, on server: isolated HTTPServer) {
        var head = HTTPResponse(status: .init(code: error.status))
        head.headerFields[.contentType] = "application/json"
        if let seconds = error.retryAfterSeconds { head.headerFields[.retryAfter] = "\(seconds)" }
        respond(head, body: error.body, on: server)
    }

    /// Answers 200 with a body of the given type.
    func respond(
        _ body: [UInt8], type: String = "application/json", headers: HTTPFields = [:],
        on server: isolated HTTPServer
    ) {
        var head = HTTPResponse(status: .ok, headerFields: headers)
        head.headerFields[.contentType] = type
        respond(head, body: body, on: server)
    }
}
