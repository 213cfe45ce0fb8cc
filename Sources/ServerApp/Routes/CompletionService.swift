// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import Dispatch
internal import Foundation
internal import HTTPServing
internal import HTTPTypes
internal import OpenAIAPI
internal import Synchronization
internal import Tokenization

/// Takes completion requests from the I/O loop to the engine and its outputs back.
final class CompletionService: Sendable {
    private let card: ModelCard
    private let tokenizer: Tokenizer
    private let mailbox: EngineMailbox
    private let metrics: EngineMetrics
    private let unknownFields: UnknownFieldPolicy
    private let vocabularySize: Int
    private let isDraining = Atomic<Bool>(false)
    private let nextRequest = Atomic<UInt64>(0)
    /// Answers in progress; touched on the I/O loop only, so the lock is always free.
    private let sessions = Mutex<[RequestID: CompletionSession]>([:])

    /// Text above this many bytes is tokenised off the I/O loop: about a millisecond's worth.
    private static let maxInlineTextBytes = 16 << 10

    init(
        card: ModelCard, tokenizer: Tokenizer, vocabularySize: Int, mailbox: EngineMailbox,
        metrics: EngineMetrics, unknownFields: UnknownFieldPolicy
    ) {
        self.card = card
        self.tokenizer = tokenizer
        self.vocabularySize = vocabularySize
        self.mailbox = mailbox
        self.metrics = metrics
        self.unknownFields = unknownFields
    }

    /// Whether new requests are taken.
    var isReady: Bool { !isDraining.load(ordering: .relaxed) }

    /// What is served.
    var models: ModelList { ModelList([card]) }

    /// Refuses new requests from now on.
    func drain() { isDraining.store(true, ordering: .relaxed) }

    /// Answers `POST /v1/completions`.
    func respond(_ incoming: IncomingRequest, _ exchange: Exchange, on server: isolated HTTPServer)
    {
        let arrival = ContinuousClock.now
        do throws(APIError) {
            guard isReady else { throw .draining(retryAfterSeconds: 10) }
            try APIError.checkContentType(incoming.head.headerFields[.contentType])
            let request = try CompletionRequest.decode(incoming.body, unknownFields: unknownFields)
            if let model = request.model, model != card.id { throw .modelNotFound(model) }
            try request.validate(vocabularyCount: vocabularySize)
            if request.textBytes <= Self.maxInlineTextBytes {
                start(request, prompts: try encode(request), exchange, arrival, on: server)
            } else {
                encodeAside(request, exchange, arrival, server)
            }
        } catch {
            exchange.respond(error, on: server)
        }
    }

    private func encodeAside(
        _ request: CompletionRequest, _ exchange: Exchange, _ arrival: ContinuousClock.Instant,
        _ server: HTTPServer
    ) {
        DispatchQueue.global().async { @Sendable [self] in
            let prompts = Result { () throws(APIError) in try encode(request) }
            server.execute { @Sendable server in
                switch prompts {
                case .success(let prompts):
                    self.start(request, prompts: prompts, exchange, arrival, on: server)
                case .failure(let error):
                    exchange.respond(error, on: server)
                }
            }
        }
    }

    /// The token ids of every prompt.
    private func encode(_ request: CompletionRequest) throws(APIError) -> [[Int32]] {
        var prompts: [[Int32]] = []
        for (index, prompt) in request.prompts.enumerated() {
            switch prompt {
            case .tokens(let ids): prompts.append(ids)
            case .text(let text):
                let param = request.prompts.count == 1 ? "prompt" : "prompt[\(index)]"
                let ids: [Int32]
                do {
                    ids = try tokenizer.encode(
                        text, addSpecial: request.addsSpecialTokens, parseSpecial: true)
                } catch { throw .invalid(param, "\(param): \(error)") }
                guard !ids.isEmpty else {
                    throw .invalid(
                        param, "\(param): is empty, and this model has no token to begin with")
                }
                prompts.append(ids)
            }
        }
        return prompts
    }

    private func start(
        _ request: CompletionRequest, prompts: [[Int32]], _ exchange: Exchange,
        _ arrival: ContinuousClock.Instant, on server: isolated HTTPServer
    ) {
        let id = RequestID(rawValue: nextRequest.add(1, ordering: .relaxed).newValue)
        let generation = generationRequest(id, request, prompts: prompts, arrival: arrival)
        var generator = SystemRandomNumberGenerator()
        let session = CompletionSession(
            exchange, request,
            envelope: CompletionEnvelope(
                id: CompletionEnvelope.makeID(using: &generator),
                createdAt: Int(Date().timeIntervalSince1970), model: card.id,
                systemFingerprint: nil),
            promptTokenCount: prompts.reduce(0) { $0 + $1.count },
            promptTokenIDs: generation.choices.map(\.prompt))
        guard mailbox.submit(generation) else {
            metrics.countRejection("queue_full")
            exchange.respond(
                .tooManyRequests("the server's mailbox is full", retryAfterSeconds: 1), on: server)
            return
        }
        sessions.withLock { $0[id] = session }
        exchange.onCancel(on: server) { @Sendable [self] _, _ in
            if sessions.withLock({ $0.removeValue(forKey: id) != nil }) { mailbox.cancel(id) }
        }
    }

    /// Passes a step's outputs on to the clients, all in one turn of the loop.
    func deliver(_ outputs: [GenerationOutput], on server: isolated HTTPServer) {
        for output in outputs {
            guard var session = sessions.withLock({ $0[output.request] }) else { continue }
            let isComplete = session.handle(output.content, on: server)
            sessions.withLock { $0[output.request] = isComplete ? nil : session }
        }
    }

    private func generationRequest(
        _ id: RequestID, _ request: CompletionRequest, prompts: [[Int32]],
        arrival: ContinuousClock.Instant
    ) -> GenerationRequest {
        let stopping = request.stopping
        let ends = stopping.ignoresEndOfSequence ? [] : tokenizer.vocabulary.endOfGenerationIDs
        let seed =
            request.sampling.seed.map { UInt64(bitPattern: $0) }
            ?? UInt64.random(in: 0...UInt64.max)
        var choices: [GenerationRequest.Choice] = []
        for prompt in prompts {
            for number in 0..<request.choicesPerPrompt {
                var sampling = SamplingParameters(request.sampling)
                sampling.seed = seed &+ UInt64(number)
                sampling.minTokenCount = stopping.minTokenCount
                sampling.bannedBeforeMinimum =
                    stopping.minTokenCount > 0 ? Array(ends) + stopping.tokenIDs : []
                choices.append(
                    .init(index: choices.count, prompt: prompt, sampling: sampling))
            }
        }
        return GenerationRequest(
            id: id, choices: choices, maxNewTokenCount: stopping.maxTokenCount,
            minNewTokenCount: stopping.minTokenCount, logprobCount: request.logprobCount,
            echoes: request.echoes, stopStrings: stopping.strings,
            includesStopString: stopping.includesStopString,
            stopTokenIDs: Set(stopping.tokenIDs), endTokenIDs: Set(ends),
            skipsSpecialTokens: request.skipsSpecialTokens, arrival: arrival)
    }
}

extension CompletionRequest {
    /// UTF-8 bytes of all text prompts.
    fileprivate var textBytes: Int {
        prompts.reduce(0) { total, prompt in
            if case .text(let text) = prompt { total + text.utf8.count } else { total }
        }
    }
}

extension SamplingParameters {
    /// The options of a request, without its seed.
    fileprivate init(_ options: SamplingOptions) {
        self.init()
        temperature = Float(options.temperature)
        topK = options.topK ?? 0
        topP = Float(options.topP)
        minP = Float(options.minP)
        repetitionPenalty = Float(options.repetitionPenalty)
        presencePenalty = Float(options.presencePenalty)
        frequencyPenalty = Float(options.frequencyPenalty)
        logitBias = options.logitBias.mapValues { Float($0) }
    }
}
