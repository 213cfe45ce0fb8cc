// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import OpenAIAPI
internal import Scheduling
internal import Tokenization

/// One choice while it is generated: its tokens, and how they become text. Engine thread only; while a
/// step samples, one worker at a time.
final class TokenSequence {
    let id: SequenceID
    let request: GenerationRequest
    let choice: Int
    let promptTokenCount: Int
    private(set) var tokens: [Int32]
    var sampler: Sampler
    var firstScheduled: ContinuousClock.Instant?
    private(set) var firstToken: ContinuousClock.Instant?
    private(set) var lastToken: ContinuousClock.Instant?

    private let tokenizer: Tokenizer
    private var detokenizer: Detokenizer
    private var stopMatcher: StopMatcher
    private var textOffset = 0
    private var pending: ChoiceDelta

    init(
        _ id: SequenceID, _ request: GenerationRequest, _ choice: GenerationRequest.Choice,
        tokenizer: Tokenizer
    ) {
        self.id = id
        self.request = request
        self.choice = choice.index
        self.tokenizer = tokenizer
        promptTokenCount = choice.prompt.count
        tokens = choice.prompt
        sampler = Sampler(choice.sampling, prompt: choice.prompt)
        detokenizer = Detokenizer(
            tokenizer, showsControl: !request.skipsSpecialTokens, continuesText: !request.echoes)
        stopMatcher = StopMatcher(
            stops: request.stopStrings, includesStopString: request.includesStopString)
        pending = ChoiceDelta(index: choice.index)
        if request.echoes { echoPrompt() }
    }

    /// Whether the log-probabilities of the prompt are part of the answer.
    var scoresPrompt: Bool { request.echoes && request.logprobCount != nil }
    var generatedTokenCount: Int { tokens.count - promptTokenCount }

    /// The token whose log-probability the row at `position` gives, while the prompt is scored.
    func promptToken(after position: Int) -> Int32? {
        scoresPrompt && position + 1 < promptTokenCount ? tokens[position + 1] : nil
    }

    private func echoPrompt() {
        for token in tokens {
            pending.text += String(decoding: detokenizer.text(appending: token), as: UTF8.self)
        }
        if scoresPrompt, let first = tokens.first {
            appendLogprob(first, logProbability: nil, top: nil)
        }
    }

    /// Reports the log-probability of the next prompt token.
    func score(_ result: RowResult) {
        appendLogprob(
            result.token, logProbability: Double(result.logProbability), top: result.top)
    }

    /// Takes a sampled token; true when the sequence ends with it, which it does at the latest where
    /// `isLast` says that its length is reached.
    func accept(_ result: RowResult, isLast: Bool, at now: ContinuousClock.Instant) -> Bool {
        let token = result.token
        tokens.append(token)
        if firstToken == nil { firstToken = now }
        lastToken = now
        pending.tokenIDs.append(token)
        if request.logprobCount != nil {
            appendLogprob(token, logProbability: Double(result.logProbability), top: result.top)
        }
        if let finish = stopToken(token) {
            end(finish)
        } else {
            appendText(detokenizer.text(appending: token))
            if isLast { end(.init(reason: .length)) }
        }
        return pending.finish != nil
    }

    /// Lets out what was held back; a stop string that this completes is the reason instead.
    private func end(_ finish: ChoiceDelta.Finish) {
        guard pending.finish == nil else { return }
        appendText(detokenizer.finish())
        guard pending.finish == nil else { return }
        pending.text += String(decoding: stopMatcher.finish(), as: UTF8.self)
        pending.finish = finish
    }

    /// Ends a sequence that generates nothing: its prompt was all there was to do.
    func finishScoring() {
        pending.finish = .init(reason: .length)
    }

    private func stopToken(_ token: Int32) -> ChoiceDelta.Finish? {
        guard generatedTokenCount >= request.minNewTokenCount else { return nil }
        if request.endTokenIDs.contains(token) { return .init(reason: .stop) }
        guard request.stopTokenIDs.contains(token) else { return nil }
        return .init(reason: .stop, stopReason: .token(token))
    }

    private func appendText(_ piece: [UInt8]) {
        guard !request.stopStrings.isEmpty,
            generatedTokenCount > request.minNewTokenCount || request.minNewTokenCount == 0
        else {
            pending.text += String(decoding: piece, as: UTF8.self)
            return
        }
        let output = stopMatcher.append(piece)
        pending.text += String(decoding: output.text, as: UTF8.self)
        if let stop = output.stop {
            pending.finish = .init(reason: .stop, stopReason: .string(stop))
        }
    }

    private func appendLogprob(
        _ token: Int32, logProbability: Double?, top: [LogProbabilities.Entry]?
    ) {
        let text = tokenizer.text(of: token)
        pending.logprobs.append(
            TokenLogprob(
                id: token, text: text, logprob: logProbability,
                candidates: top?.map {
                    CandidateLogprob(
                        id: $0.token, text: tokenizer.text(of: $0.token),
                        logprob: Double($0.logProbability))
                },
                textOffset: textOffset))
        textOffset += text.unicodeScalars.count
    }

    /// What is ready for the client; nil while there is no whole character to send.
    func takeDelta() -> ChoiceDelta? {
        guard !pending.text.isEmpty || pending.finish != nil else { return nil }
        defer { pending = ChoiceDelta(index: choice) }
        return pending
    }
}

/// What sampling or scoring one row of logits gave.
struct RowResult {
    var token: Int32 = 0
    var logProbability: Float = 0
    var top: [LogProbabilities.Entry] = []
}
