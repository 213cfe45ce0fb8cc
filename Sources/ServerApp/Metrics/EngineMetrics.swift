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
    private let weightByteCount = AtomicCount()
    private let expertCount = AtomicCount()
    private let draftTokenCount = AtomicCount()
    private let acceptedDraftTokenCount = AtomicCount()
    private let ended: [(reason: FinishReason, count: AtomicCount)] =
        [.stop, .length, .timeout, .abort].map { ($0, AtomicCount()) }
    private let rejected: [(reason: String, count: AtomicCount)] =
        ["queue_full", "too_long", "never_fits", "empty_prompt"].map { ($0, AtomicCount()) }

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

    /// Takes over the scheduler's gauges after a step.
    func update(_ counts: SchedulerCounts) {
        runningCount.set(counts.runningSequenceCount)
        waitingCount.set(counts.waitingRequestCount)
        usedBlockCount.set(counts.usedBlockCount)
        freeBlockCount.set(counts.freeBlockCount)
        preemptionCount.set(counts.preemptionCount)
    }

    /// Takes over what a step took, and the weights that all steps have read.
    func recordStep(tokenCount: Int, duration: Duration, weightsRead: WeightsRead) {
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
    }

    func countRejection(_ error: AdmissionError) {
        let reason =
            switch error {
            case .queueFull: "queue_full"
            case .tooLong: "too_long"
            case .neverFits: "never_fits"
            case .emptyPrompt: "empty_prompt"
            }
        countRejection(reason)
    }

    func countRejection(_ reason: String) {
        for entry in rejected where entry.reason == reason { entry.count.add(1) }
    }

    /// Seconds until `tokenCount` waiting tokens are computed at the rate measured so far, 1 to 600.
    func secondsToDrain(tokenCount: Int) -> Int {
        let seconds = Double(stepMicroseconds.value) / 1e6
        guard seconds > 0, computedTokenCount.value > 0 else { return 1 }
        let rate = Double(computedTokenCount.value) / seconds
        return Int(min(600, max(1, (Double(tokenCount) / rate).rounded(.up))))
    }

    /// Every metric in the Prometheus text format.
    func render() -> String {
        let used = usedBlockCount.value
        let total = max(1, used + freeBlockCount.value)
        var text = ""
        text += gauge("num_requests_running", "Sequences with a seat.", "\(runningCount.value)")
        text += gauge("num_requests_waiting", "Sequences in the queue.", "\(waitingCount.value)")
        text += gauge(
            "kv_cache_usage_perc", "Used share of the KV blocks, 0 to 1.",
            "\(Double(used) / Double(total))")
        text += counter("num_preemptions", "Sequences put back into the queue.", preemptionCount)
        text += counter(
            "prefix_cache_queries", "Prompt tokens looked up in the prefix cache.", prefixQueryCount
        )
        text += counter(
            "prefix_cache_hits", "Prompt tokens found in the prefix cache.", prefixHitCount)
        text += counter("prompt_tokens", "Prompt tokens processed.", promptTokenCount)
        text += counter("generation_tokens", "Tokens generated.", generatedTokenCount)
        text += counter("weight_bytes_read", "Bytes of weights that steps read.", weightByteCount)
        text += counter(
            "experts_read", "Experts that steps read, counted in each layer.", expertCount)
        text += counter(
            "spec_decode_num_draft_tokens", "Guessed tokens that were computed ahead.",
            draftTokenCount)
        text += counter(
            "spec_decode_num_accepted_tokens", "Those of them that proved right.",
            acceptedDraftTokenCount)
        text += family("request_success_total", "Sequences ended, by reason.", "counter")
        for (reason, count) in ended {
            text +=
                "apus:request_success_total{finished_reason=\"\(reason.rawValue)\"} \(count.value)\n"
        }
        text += family("admission_rejections_total", "Requests refused, by reason.", "counter")
        for (reason, count) in rejected {
            text += "apus:admission_rejections_total{reason=\"\(reason)\"} \(count.value)\n"
        }
        text += histogram("time_to_first_token_seconds", "Arrival to first token.", firstToken)
        text += histogram("inter_token_latency_seconds", "Between two tokens.", interToken)
        text += histogram("e2e_request_latency_seconds", "Arrival to last token.", endToEnd)
        text += histogram("request_queue_time_seconds", "Arrival to first step.", queueTime)
        text += histogram("iteration_tokens_total", "Tokens of each step.", stepTokens)
        text += histogram("step_time_seconds", "Duration of each step.", stepTime)
        return text
    }

    private func family(_ name: String, _ help: String, _ type: String) -> String {
        "# HELP apus:\(name) \(help)\n# TYPE apus:\(name) \(type)\n"
    }

    private func gauge(_ name: String, _ help: String, _ value: String) -> String {
        family(name, help, "gauge") + "apus:\(name) \(value)\n"
    }

    private func counter(_ name: String, _ help: String, _ count: AtomicCount) -> String {
        family("\(name)_total", help, "counter") + "apus:\(name)_total \(count.value)\n"
    }

    private func histogram(_ name: String, _ help: String, _ histogram: Histogram) -> String {
        family(name, help, "histogram") + histogram.render("apus:\(name)")
    }
}
