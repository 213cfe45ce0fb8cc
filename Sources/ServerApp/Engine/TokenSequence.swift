// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import OpenAIAPI
internal import Scheduling
internal import Tokenization

/// One choice while it is generated: its tokens, and how they become text. Changed by the engine's thread only,
/// and not while a step samples: then several workers read it.
final class TokenSequence {
    let id: SequenceID
    let request: GenerationRequest
    let choice: Int
    let promptTokenCount: Int
    private(set) var tokens: [Int32]
    var sampler: Sampler
    /// Choices that begin where this one's prompt ends, until they do.
    var forks: [TokenSequence] = []
    var firstScheduled: ContinuousClock.Instant?
    private(set) var firstToken: ContinuousClock.Instant?
    private(set) var lastToken: ContinuousClock.Instant?
    /// Positions of the prompt that others had computed.
    private(set) var cachedTokenCount = 0
    /// Positions that were computed or found computed so far.
    private var highestPosition = 0
    /// Guesses what comes next, for a step to compute ahead; nil where nothing is guessed.
    private var guesser: TokenGuesser?
    /// Whether another choice computed the prompt.
    private var isFork = false
    /// Sum over the generated tokens, where choices are ranked by it.
    private var logProbabilitySum = 0.0

    private let tokenizer: Tokenizer
    private var detokenizer: Detokenizer
    /// As it was made: what `matcher` becomes again after a match that does not count.
    private let stops: StopMatcher
    private var matcher: StopMatcher
    /// Text that the matcher holds back.
    private var heldText: [UInt8] = []
    /// Unicode scalars of all text so far.
    private var scalarCount = 0
    /// Where each token of an echoed and scored prompt begins, in scalars.
    private var promptOffsets: [Int] = []
    private var pending: ChoiceDelta

    init(
        _ id: SequenceID, _ request: GenerationRequest, _ choice: GenerationRequest.Choice,
        tokenizer: Tokenizer, stops: StopMatcher
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
        self.stops = stops
        matcher = stops
        pending = ChoiceDelta(index: choice.index)
        if request.echoes { echoPrompt() }
    }

    /// What may come next, as last guessed.
    var guesses: [Int32] { guesser?.guesses ?? [] }

    var generatedTokenCount: Int { tokens.count - promptTokenCount }

    /// Prompt tokens that were processed for this choice and not for another.
    var ownPromptTokenCount: Int { isFork ? 0 : promptTokenCount }

    /// Starts a fork at the end of its prompt.
    func begin(at position: Int, _ now: ContinuousClock.Instant) {
        isFork = true
        highestPosition = position
        firstScheduled = now
    }

    /// Takes note of positions that a step computes; how many before them were found computed by others.
    func noteRows(_ positions: Range<Int>) -> Int {
        let foundCount = max(0, positions.lowerBound - highestPosition)
        cachedTokenCount += foundCount
        highestPosition = max(highestPosition, positions.upperBound)
        return foundCount
    }

    /// The token whose log-probability the row at `position` gives, while the prompt is scored.
    func promptToken(after position: Int) -> Int32? {
        request.scoresPrompt && position + 1 < promptTokenCount ? tokens[position + 1] : nil
    }

    private func echoPrompt() {
        for token in tokens {
            if request.scoresPrompt { promptOffsets.append(scalarCount) }
            pending.text += decode(detokenizer.text(appending: token))
        }
        if request.scoresPrompt, let first = tokens.first {
            appendLogprob(first, at: 0, logProbability: nil, top: nil)
        }
    }

    /// Reports the log-probability of the prompt token at `position`.
    func score(_ result: RowResult, position: Int) {
        appendLogprob(
            result.token, at: promptOffsets[position],
            logProbability: Double(result.logProbability), top: result.top)
    }

    /// Takes a sampled token; true when the sequence ends with it, which it does at the latest where
    /// `isLast` says that its length is reached.
    func accept(_ result: RowResult, isLast: Bool, at now: ContinuousClock.Instant) -> Bool {
        let token = result.token
        tokens.append(token)
        sampler.remember(token)
        highestPosition = max(highestPosition, tokens.count - 1)
        if firstToken == nil { firstToken = now }
        lastToken = now
        pending.tokenIDs.append(token)
        logProbabilitySum += Double(result.logProbability)
        if request.logprobCount != nil {
            appendLogprob(
                token, at: scalarCount, logProbability: Double(result.logProbability),
                top: result.top)
        }
        if let finish = stopToken(token) {
            end(finish)
        } else {
            appendText(detokenizer.text(appending: token))
            if isLast { end(.init(reason: .length)) }
        }
        return pending.finish != nil
    }

    /// Guesses up to `count` tokens, of which a share of `usualAcceptance` is taken to be right until more is
    /// known; what is known now.
    func guess(_ count: Int, usualAcceptance: Double) -> Double {
        var guesser = guesser.take() ?? TokenGuesser(acceptance: usualAcceptance)
        guesser.update(tokens, count: count)
        defer { self.guesser = guesser }
        return guesser.acceptance
    }

    /// Lets out what was held back; a stop string that this completes is the reason instead.
    private func end(_ finish: ChoiceDelta.Finish) {
        guard pending.finish == nil else { return }
        appendText(detokenizer.finish())
        guard pending.finish == nil else { return }
        pending.text += String(decoding: matcher.finish(), as: UTF8.self)
        pending.finish = finish
    }

    /// Ends a sequence that generates nothing: its prompt was all there was to do.
    func finishScoring() {
        pending.text += decode(detokenizer.finish())
        pending.finish = .init(reason: .length)
    }

    /// Ends a sequence with what it has: its time is up.
    func expire() { end(.init(reason: .timeout)) }

    private func stopToken(_ token: Int32) -> ChoiceDelta.Finish? {
        guard generatedTokenCount >= request.minNewTokenCount else { return nil }
        if request.endTokenIDs.contains(token) { return .init(reason: .stop) }
        guard request.stopTokenIDs.contains(token) else { return nil }
        return .init(reason: .stop, stopReason: .token(token))
    }

    /// Passes text on as far as it cannot belong to a stop string. A match within the first
    /// `minNewTokenCount` tokens is text like any other.
    private func appendText(_ piece: [UInt8]) {
        let text = decode(piece)
        guard !request.stopStrings.isEmpty else {
            pending.text += text
            return
        }
        var rest = piece
        while true {
            heldText += rest
            let output = matcher.append(rest)
            guard let stop = output.stop, generatedTokenCount <= request.minNewTokenCount else {
                heldText.removeFirst(output.text.count)
                pending.text += String(decoding: output.text, as: UTF8.self)
                pending.finish = output.stop.map { .init(reason: .stop, stopReason: .string($0)) }
                return
            }
            // What follows the match is looked through again: another may begin there.
            let end = output.text.count + (request.includesStopString ? 0 : stop.utf8.count)
            pending.text += String(decoding: heldText.prefix(end), as: UTF8.self)
            rest = Array(heldText.dropFirst(end))
            heldText = []
            matcher = stops
        }
    }

    /// The text of whole characters, counted.
    private func decode(_ piece: [UInt8]) -> String {
        let text = String(decoding: piece, as: UTF8.self)
        scalarCount += text.unicodeScalars.count
        return text
    }

    private func appendLogprob(
        _ token: Int32, at offset: Int, logProbability: Double?, top: [LogProbabilities.Entry]?
    ) {
        let text = tokenizer.text(of: token)
        pending.logprobs.append(
            TokenLogprob(
                id: token, text: text, bytes: tokenizer.bytes(of: token), logprob: logProbability,
                candidates: top?.map {
                    CandidateLogprob(
                        id: $0.token, text: tokenizer.text(of: $0.token),
                        bytes: tokenizer.bytes(of: $0.token),
                        logprob: Double($0.logProbability))
                },
                textOffset: offset))
    }

    /// What is ready for the client: nil while there is no whole character to send. An echoed prompt and its
    /// scores leave together, with the first generated token.
    func takeDelta() -> ChoiceDelta? {
        guard pending.finish != nil || (generatedTokenCount > 0 && !pending.text.isEmpty) else {
            return nil
        }
        defer { pending = ChoiceDelta(index: choice) }
        if pending.finish != nil {
            pending.cachedTokenCount = cachedTokenCount
            pending.meanLogProbability = logProbabilitySum / Double(max(1, generatedTokenCount))
        }
        return pending
    }
}

/// What sampling or scoring one row of logits gave.
struct RowResult {
    var token: Int32 = 0
    var logProbability: Float = 0
    var top: [LogProbabilities.Entry] = []
}
