// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import OpenAIAPI
internal import Scheduling

/// What `/metrics` says about generation. Names and buckets are vLLM's under the prefix `apus:`.
final class EngineMetrics: Sendable {
    private let runningCount = AtomicCount()
    private let waitingCount = AtomicCount()
    private let usedBlockCount = AtomicCount()
    private let freeBlockCount = AtomicCount()
    private let preemptionCount = AtomicCount()
    private let prefixQueryCount = AtomicCount()
    private let prefixHitCount = AtomicCount()
    private let promptTokenCount = AtomicCount()
    private let generatedTokenCount = AtomicCount()
    private let computedTokenCount = AtomicCount()
    private let stepMicroseconds = AtomicCount()
    private let stallMicroseconds = AtomicCount()
    private let weightByteCount = AtomicCount()
    private let expertCount = AtomicCount()
    private let draftTokenCount = AtomicCount()
    private let acceptedDraftTokenCount = AtomicCount()
    private let ended: [(reason: FinishReason, count: AtomicCount)] =
        [.stop, .length, .timeout, .abort].map { ($0, AtomicCount()) }
    private let rejected: [(String, AtomicCount)] =
        ["queue_full", "wait_too_long", "too_long", "never_fits", "empty_prompt"].map {
            ($0, AtomicCount())
        }

    private let firstToken = Histogram(
        bounds: [
            0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
            20, 40, 80, 160, 640, 2560,
        ])
    private let interToken = Histogram(
        bounds: [
            0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20,
            40, 80,
        ])
    private let endToEnd = Histogram(bounds: requestBounds)
    private let queueTime = Histogram(bounds: requestBounds)
    private let prefillTime = Histogram(bounds: requestBounds)
    private let decodeTime = Histogram(bounds: requestBounds)
    private let promptLength = Histogram(bounds: lengthBounds)
    private let generatedLength = Histogram(bounds: lengthBounds)
    private let stepExperts = Histogram(
        bounds: [0, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384])
    private let cancelLatency = Histogram(
        bounds: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5])
    private let stepTokens = Histogram(
        bounds: [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384])

    private let stepTime = Histogram(
        bounds: [
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1,
            2.5, 5, 10,
        ])

    private static let requestBounds: [Double] = [
        0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920,
        7680,
    ]

    private static let lengthBounds: [Double] = [
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000,
    ]

    /// Takes over the scheduler's gauges after a step.
    func update(_ counts: SchedulerCounts) {
        runningCount.set(counts.runningSequenceCount)
        waitingCount.set(counts.waitingRequestCount)
        usedBlockCount.set(counts.usedBlockCount)
        freeBlockCount.set(counts.freeBlockCount)
        preemptionCount.set(counts.preemptionCount)
    }

    /// Takes over what a step took, and the weights that all steps have read.
    /// `stall` is the time by which sequences waited for it longer than they should.
    func recordStep(
        tokenCount: Int, duration: Duration, stall: Duration, weightsRead: WeightsRead
    ) {
        stepExperts.observe(Double(weightsRead.expertCount - expertCount.value))
        stallMicroseconds.add(Int(stall / .microseconds(1)))
        weightByteCount.set(weightsRead.byteCount)
        expertCount.set(weightsRead.expertCount)
        stepTokens.observe(Double(tokenCount))
        stepTime.observe(duration)
        computedTokenCount.add(tokenCount)
        stepMicroseconds.add(Int(duration / .microseconds(1)))
    }

    func recordQueueTime(_ duration: Duration) { queueTime.observe(duration) }

    func recordFirstToken(_ duration: Duration, promptTokenCount count: Int) {
        firstToken.observe(duration)
        countPrompt(count)
        generatedTokenCount.add(1)
    }

    func recordInterToken(_ duration: Duration) {
        interToken.observe(duration)
        generatedTokenCount.add(1)
    }

    /// Counts the tokens of a prompt that was looked up among the computed prefixes.
    func countPrefixQuery(_ tokenCount: Int) { prefixQueryCount.add(tokenCount) }

    /// Counts those of them that were found.
    func countPrefixHit(_ tokenCount: Int) { prefixHitCount.add(tokenCount) }

    /// Counts guesses that a step computed, and those of them that the output went on with.
    func countDraft(_ tokenCount: Int, acceptedCount: Int) {
        draftTokenCount.add(tokenCount)
        acceptedDraftTokenCount.add(acceptedCount)
    }

    func countPrompt(_ tokenCount: Int) { promptTokenCount.add(tokenCount) }

    func countEnd(_ reason: FinishReason) {
        for entry in ended where entry.reason == reason { entry.count.add(1) }
    }

    func recordEnd(_ sequence: TokenSequence) {
        endToEnd.observe(ContinuousClock.now - sequence.request.arrival)
        promptLength.observe(Double(sequence.promptTokenCount))
        generatedLength.observe(Double(sequence.generatedTokenCount))
        guard let first = sequence.firstToken, let last = sequence.lastToken else { return }
        decodeTime.observe(last - first)
        if let scheduled = sequence.firstScheduled { prefillTime.observe(first - scheduled) }
    }

    func recordCancel(_ latency: Duration) { cancelLatency.observe(latency) }

    func countRejection(_ error: AdmissionError) {
        let reason =
            switch error {
            case .queueFull: "queue_full"
            case .waitTooLong: "wait_too_long"
            case .tooLong: "too_long"
            case .neverFits: "never_fits"
            case .emptyPrompt: "empty_prompt"
            }
        countRejection(reason)
    }

    func countRejection(_ reason: String) {
        for (name, count) in rejected where name == reason { count.add(1) }
    }

    /// Seconds until `tokenCount` waiting tokens are computed at the rate measured so far, 1 to 600.
    func secondsToDrain(tokenCount: Int) -> Int {
        let seconds = Double(stepMicroseconds.value) / 1e6
        guard seconds > 0, computedTokenCount.value > 0 else { return 1 }
        let rate = Double(computedTokenCount.value) / seconds
        return Int(min(600, max(1, (Double(tokenCount) / rate).rounded(.up))))
    }

    /// Every metric in the Prometheus text format. `vllmModel` is the model's name where what vLLM measures
    /// too is to be given under its names as well, as gateways and boards read them.
    func render(vllmModel: String? = nil) -> String {
        var own = MetricsText(prefix: "apus:")
        renderShared(&own)
        renderOwn(&own)
        guard let vllmModel else { return own.text }
        var aliases = MetricsText(prefix: "vllm:", labels: [.init("model_name", vllmModel)])
        renderShared(&aliases)
        return own.text + aliases.text
    }

    /// What means the same in vLLM.
    private func renderShared(_ text: inout MetricsText) {
        let used = usedBlockCount.value
        let total = max(1, used + freeBlockCount.value)
        text.gauge("num_requests_running", "Sequences with a seat.", runningCount.value)
        text.gauge("num_requests_waiting", "Sequences in the queue.", waitingCount.value)
        text.gauge(
            "kv_cache_usage_perc", "Used share of the KV blocks, 0 to 1.",
            Double(used) / Double(total))
        text.counter(
            "num_preemptions", "Sequences put back into the queue.", preemptionCount.value)
        text.counter(
            "prefix_cache_queries", "Prompt tokens looked up in the prefix cache.",
            prefixQueryCount.value)
        text.counter(
            "prefix_cache_hits", "Prompt tokens found in the prefix cache.", prefixHitCount.value)
        text.counter("prompt_tokens", "Prompt tokens processed.", promptTokenCount.value)
        text.counter("generation_tokens", "Tokens generated.", generatedTokenCount.value)
        text.counters(
            "request_success", "Sequences ended, by reason.", label: "finished_reason",
            ended.map { ($0.reason.rawValue, $0.count.value) })
        text.histogram("time_to_first_token_seconds", "Arrival to first token.", firstToken)
        text.histogram("inter_token_latency_seconds", "Between two tokens.", interToken)
        text.histogram("e2e_request_latency_seconds", "Arrival to last token.", endToEnd)
        text.histogram("request_queue_time_seconds", "Arrival to first step.", queueTime)
        text.histogram(
            "request_prefill_time_seconds", "First step to first token.", prefillTime)
        text.histogram("request_decode_time_seconds", "First token to last.", decodeTime)
        text.histogram(
            "request_prompt_tokens", "Prompt tokens of each sequence.", promptLength)
        text.histogram(
            "request_generation_tokens", "Tokens generated for each sequence.", generatedLength)
        text.histogram("iteration_tokens_total", "Tokens of each step.", stepTokens)
    }

    private func renderOwn(_ text: inout MetricsText) {
        text.counter(
            "weight_bytes_read", "Bytes of weights that steps read.", weightByteCount.value)
        text.counter(
            "experts_read", "Experts that steps read, counted in each layer.", expertCount.value)
        text.counter(
            "spec_decode_num_draft_tokens", "Guessed tokens that were computed ahead.",
            draftTokenCount.value)
        text.counter(
            "spec_decode_num_accepted_tokens", "Those of them that proved right.",
            acceptedDraftTokenCount.value)
        text.histogram(
            "step_experts", "Experts that each step read, counted in each layer.", stepExperts)
        text.counters(
            "admission_rejections", "Requests refused, by reason.", label: "reason",
            rejected.map { ($0, $1.value) })
        text.histogram("step_time_seconds", "Duration of each step.", stepTime)
        text.counter(
            "stall_seconds", "Time by which steps with decodes exceeded --max-step-time.",
            Double(stallMicroseconds.value) / 1e6)
        text.histogram(
            "cancel_latency_seconds", "Departure of a client to the end of its request.",
            cancelLatency)
    }
}
