// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import Dispatch
internal import Foundation
internal import HTTPServing
internal import HTTPTypes
internal import OpenAIAPI
internal import Synchronization
internal import Tokenization

/// Takes requests for completions and chat completions from the I/O loop to the engine and its outputs back, and
/// those for tokens to the tokenizer.
final class CompletionService: Sendable {
    let card: ModelCard
    let tokenizer: Tokenizer
    /// nil where the model has no template; `chatAbsence` then says why.
    let prompter: ChatPrompter?
    let chatAbsence: String
    /// The longest prompt and answer that the KV pool can hold.
    let maxFittingLength: Int
    private let mailbox: EngineMailbox
    private let metrics: EngineMetrics
    let unknownFields: UnknownFieldPolicy
    let vocabularySize: Int
    private let isDraining = Atomic<Bool>(false)
    private let nextRequest = Atomic<UInt64>(0)
    /// Answers in progress; changed on the I/O loop only, so the lock is all but always free.
    private let sessions = Mutex<[RequestID: CompletionSession]>([:])

    /// Long bodies are decoded and tokenised here, so that the I/O loop goes on and one processor at most
    /// is kept from the model.
    private let aside = DispatchQueue(label: "apus.tokenizing")
    /// What waits for that: holders of keys take turns.
    private let jobsAside = Mutex(JobRotation<@Sendable () -> Void>())
    private let bytesAside = Atomic<Int>(0)

    /// Bodies up to this many bytes are decoded and tokenised on the I/O loop: about a millisecond.
    static let maxInlineBodyBytes = 16 << 10
    /// Bytes of long bodies that wait at most.
    private static let maxBytesAside = 128 << 20
    /// Log-probabilities that one request may have for its prompts: those of all tokens, alternatives among
    /// them, of all choices. They are held until the first generated token: about 100 MB.
    private static let maxPromptLogprobCount = 1 << 20

    init(
        card: ModelCard, tokenizer: Tokenizer, chatTemplate: ChatTemplateSource.Found,
        vocabularySize: Int, maxFittingLength: Int, mailbox: EngineMailbox,
        metrics: EngineMetrics, unknownFields: UnknownFieldPolicy
    ) {
        self.card = card
        self.tokenizer = tokenizer
        switch chatTemplate {
        case .template(let template):
            prompter = ChatPrompter(template, tokenizer: tokenizer)
            chatAbsence = ""
        case .absent(let reason):
            prompter = nil
            chatAbsence = reason
        }
        self.maxFittingLength = maxFittingLength
        self.vocabularySize = vocabularySize
        self.mailbox = mailbox
        self.metrics = metrics
        self.unknownFields = unknownFields
    }

    /// Whether new requests are taken.
    var isReady: Bool { !isDraining.load(ordering: .relaxed) }

    /// Whether an answer is in progress.
    var isBusy: Bool { sessions.withLock { !$0.isEmpty } }

    /// What is served.
    var models: ModelList { ModelList([card]) }

    /// Refuses new requests from now on.
    func drain() { isDraining.store(true, ordering: .relaxed) }

    /// A request that is right as far as can be told without a place in the queue.
    struct Prepared: Sendable {
        let request: CompletionRequest
        /// Token ids of every prompt.
        let prompts: [[Int32]]
        let kind: AnswerKind
    }

    /// When a request came, and with whose key; nil where the server asks for none.
    struct Arrival: Sendable {
        let time: ContinuousClock.Instant
        let keyName: String?
        let keyWeight: Int

        init(_ incoming: IncomingRequest) {
            time = .now
            keyName = incoming.keyName
            keyWeight = incoming.keyWeight
        }
    }

    /// Answers `POST /v1/completions`.
    func respond(_ incoming: IncomingRequest, _ exchange: Exchange, on server: isolated HTTPServer)
    {
        let arrival = Arrival(incoming)
        read(incoming, exchange, on: server, prepare) { @Sendable [self] prepared, server in
            start(prepared, exchange, arrival, on: server)
        }
    }

    /// Answers `POST /v1/chat/completions`.
    func respondToChat(
        _ incoming: IncomingRequest, _ exchange: Exchange, on server: isolated HTTPServer
    ) {
        let arrival = Arrival(incoming)
        // What a template takes is not known before, so that none is rendered on the I/O loop.
        read(incoming, exchange, maxInlineBytes: 0, on: server, prepareChat) {
            @Sendable [self] prepared, server in
            start(prepared, exchange, arrival, on: server)
        }
    }

    /// Has `prepare` decode, check and tokenise a body: a short one at once, a longer one off the I/O loop, one
    /// after the other. Goes on with `then`, or answers with the error.
    func read<Prepared: Sendable>(
        _ incoming: IncomingRequest, _ exchange: Exchange,
        maxInlineBytes: Int = maxInlineBodyBytes, on server: isolated HTTPServer,
        _ prepare: @escaping @Sendable ([UInt8]) throws(APIError) -> Prepared,
        then: @escaping @Sendable (Prepared, isolated HTTPServer) -> Void
    ) {
        do throws(APIError) {
            guard isReady else { throw .draining(retryAfterSeconds: 10) }
            try APIError.checkContentType(incoming.head.headerFields[.contentType])
            if incoming.body.count <= maxInlineBytes {
                then(try prepare(incoming.body), server)
            } else {
                try prepareAside(incoming, exchange, on: server, prepare, then: then)
            }
        } catch {
            exchange.respond(error, on: server)
        }
    }

    private func prepareAside<Prepared: Sendable>(
        _ incoming: IncomingRequest, _ exchange: Exchange, on server: isolated HTTPServer,
        _ prepare: @escaping @Sendable ([UInt8]) throws(APIError) -> Prepared,
        then: @escaping @Sendable (Prepared, isolated HTTPServer) -> Void
    ) throws(APIError) {
        let body = incoming.body
        let held = bytesAside.add(body.count, ordering: .relaxed).newValue
        guard held <= Self.maxBytesAside else {
            bytesAside.subtract(body.count, ordering: .relaxed)
            metrics.countRejection("queue_full")
            throw .tooManyRequests("too many long prompts are waiting", retryAfterSeconds: 1)
        }
        let client = Presence()
        exchange.onCancel(on: server) { @Sendable _, _ in client.leave() }
        runAside(for: incoming.keyName) { @Sendable [self] in
            defer { bytesAside.subtract(body.count, ordering: .relaxed) }
            guard !client.hasLeft else { return }
            let prepared = Result { () throws(APIError) in try prepare(body) }
            server.execute { @Sendable server in
                switch prepared {
                case .success(let prepared): then(prepared, server)
                case .failure(let error): exchange.respond(error, on: server)
                }
            }
        }
    }

    private func runAside(for owner: String?, _ job: @escaping @Sendable () -> Void) {
        jobsAside.withLock { $0.append(job, of: owner) }
        aside.async { @Sendable [self] in jobsAside.withLock { $0.popFirst() }?() }
    }

    /// Decodes, checks and tokenises a body.
    private func prepare(_ body: [UInt8]) throws(APIError) -> Prepared {
        let request = try CompletionRequest.decode(body, unknownFields: unknownFields)
        try check(model: request.model)
        try request.validate(vocabularyCount: vocabularySize)
        let prompts = try encode(request)
        try checkLogprobs(of: prompts, request)
        return Prepared(request: request, prompts: prompts, kind: .completion)
    }

    private func checkLogprobs(
        of prompts: [[Int32]], _ request: CompletionRequest
    ) throws(APIError) {
        guard request.echoes, let alternatives = request.logprobCount else { return }
        let tokenCount = prompts.reduce(0) { $0 + $1.count }
        let count = tokenCount * request.candidatesPerPrompt * (alternatives + 1)
        guard count > Self.maxPromptLogprobCount else { return }
        throw .invalid(
            "logprobs",
            "logprobs: \(tokenCount) echoed tokens with \(alternatives + 1) log-probabilities each, for "
                + "\(request.candidatesPerPrompt) choices, are \(count); one request may have "
                + "\(Self.maxPromptLogprobCount)")
    }

    /// Refuses a request for another model.
    func check(model: String?) throws(APIError) {
        if let model, model != card.id { throw .modelNotFound(model) }
    }

    /// The token ids of every prompt, with what fills the middle around them where there is a suffix.
    private func encode(_ request: CompletionRequest) throws(APIError) -> [[Int32]] {
        let fill = try fillInMiddle(request)
        let suffix = try request.suffix.map { (text) throws(APIError) in
            try encode(text, "suffix", addsSpecial: false)
        }
        var prompts: [[Int32]] = []
        for (index, prompt) in request.prompts.enumerated() {
            let param = request.prompts.count == 1 ? "prompt" : "prompt[\(index)]"
            var ids = try encode(
                prompt, param, addsSpecial: fill == nil && request.addsSpecialTokens)
            if let fill, let suffix {
                ids = fill.prompt(before: ids, after: suffix)
                if request.addsSpecialTokens, case .text = prompt { ids = tokenizer.bos + ids }
            }
            guard !ids.isEmpty else {
                throw .invalid(
                    param, "\(param): is empty, and this model has no token to begin with")
            }
            prompts.append(ids)
        }
        return prompts
    }

    private func fillInMiddle(_ request: CompletionRequest) throws(APIError) -> FillInMiddle? {
        guard request.suffix != nil else { return nil }
        guard let fill = tokenizer.vocabulary.fillInMiddle else {
            throw .invalid(
                "suffix", "suffix: this model has no tokens to fill in the middle with")
        }
        return fill
    }

    private func encode(
        _ prompt: Prompt, _ param: String, addsSpecial: Bool
    ) throws(APIError) -> [Int32] {
        switch prompt {
        case .tokens(let ids): ids
        case .text(let text): try encode(text, param, addsSpecial: addsSpecial)
        }
    }

    /// The token ids of a text; texts of special tokens in it become these tokens.
    func encode(
        _ text: String, _ param: String, addsSpecial: Bool, parsesSpecial: Bool = true
    ) throws(APIError) -> [Int32] {
        do {
            return try tokenizer.encode(
                text, addSpecial: addsSpecial, parseSpecial: parsesSpecial)
        } catch { throw .invalid(param, "\(param): \(error)") }
    }

    private func start(
        _ prepared: Prepared, _ exchange: Exchange, _ arrival: Arrival,
        on server: isolated HTTPServer
    ) {
        let (request, prompts) = (prepared.request, prepared.prompts)
        let id = RequestID(rawValue: nextRequest.add(1, ordering: .relaxed).newValue)
        var generation = generationRequest(id, request, prompts: prompts, arrival: arrival)
        if case .chat = prepared.kind { generation.promptField = "messages" }
        var generator = SystemRandomNumberGenerator()
        let prefix = if case .completion = prepared.kind { "cmpl-" } else { "chatcmpl-" }
        let envelope = CompletionEnvelope(
            id: CompletionEnvelope.makeID(prefix: prefix, using: &generator),
            createdAt: Int(Date().timeIntervalSince1970), model: card.id)
        let session = CompletionSession(
            exchange, request, format: format(prepared, envelope),
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
            sessions.withLock { $0[id] = nil }
            mailbox.cancel(id)
        }
    }

    /// Passes a step's outputs on to the clients, all in one turn of the loop.
    func deliver(_ outputs: [GenerationOutput], on server: isolated HTTPServer) {
        for output in outputs {
            // Taken out while it changes: a second reference would copy its whole answer.
            guard var session = sessions.withLock({ $0.removeValue(forKey: output.request) })
            else { continue }
            if !session.handle(output.content, on: server), session.isOpen(on: server) {
                sessions.withLock { $0[output.request] = session }
            }
        }
    }

    /// The tokens that end an answer by themselves.
    private func endIDs(of request: CompletionRequest) -> Set<Int32> {
        let ends = tokenizer.vocabulary.endOfGenerationIDs
        guard request.suffix != nil, let fill = tokenizer.vocabulary.fillInMiddle else {
            return ends
        }
        return ends.union(fill.ends)
    }

    private func generationRequest(
        _ id: RequestID, _ request: CompletionRequest, prompts: [[Int32]],
        arrival: Arrival
    ) -> GenerationRequest {
        let stopping = request.stopping
        let ends = stopping.ignoresEndOfSequence ? [] : endIDs(of: request)
        var sampling = SamplingParameters(request.sampling)
        sampling.minTokenCount = stopping.minTokenCount
        sampling.bannedBeforeMinimum =
            stopping.minTokenCount > 0 ? Array(ends) + stopping.tokenIDs : []
        let seed = request.sampling.seed.map { UInt64(bitPattern: $0) }
        var choices: [GenerationRequest.Choice] = []
        for prompt in prompts {
            for number in 0..<request.candidatesPerPrompt {
                sampling.seed =
                    seed.map { $0 &+ UInt64(number) } ?? UInt64.random(in: 0...UInt64.max)
                choices.append(.init(index: choices.count, prompt: prompt, sampling: sampling))
            }
        }
        var generation = GenerationRequest(
            id: id, choices: choices, maxNewTokenCount: stopping.maxTokenCount,
            minNewTokenCount: stopping.minTokenCount, logprobCount: request.logprobCount,
            echoes: request.echoes, stopStrings: stopping.strings,
            includesStopString: stopping.includesStopString,
            stopTokenIDs: Set(stopping.tokenIDs), endTokenIDs: ends,
            skipsSpecialTokens: request.skipsSpecialTokens, arrival: arrival.time)
        generation.ranksChoices = request.candidatesPerPrompt > request.choicesPerPrompt
        generation.owner = arrival.keyName
        generation.weight = arrival.keyWeight
        generation.cacheSalt = request.cacheSalt
        generation.priority = request.priority
        generation.deadline = request.deadlineMilliseconds.map {
            arrival.time + .milliseconds($0)
        }
        return generation
    }
}

/// Whether a client still waits: told by the I/O loop, asked elsewhere.
private final class Presence: Sendable {
    private let departed = Atomic<Bool>(false)

    var hasLeft: Bool { departed.load(ordering: .relaxed) }

    func leave() { departed.store(true, ordering: .relaxed) }
}

extension SamplingParameters {
    /// The options of a request, without its seed.
    fileprivate init(_ options: SamplingOptions) {
        self.init()
        temperature = Float(options.temperature)
        topK = options.topK ?? 0
        topP = Float(options.topP)
        minP = Float(options.minP)
        typicalP = Float(options.typicalP)
        repetitionPenalty = Float(options.repetitionPenalty)
        presencePenalty = Float(options.presencePenalty)
        frequencyPenalty = Float(options.frequencyPenalty)
        logitBias = options.logitBias.mapValues { Float($0) }
    }
}
