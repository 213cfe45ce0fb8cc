// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import Dispatch
internal import Foundation
internal import ModelFile
internal import Scheduling
internal import Synchronization
internal import Tokenization

/// Starts the engine thread, which loads the model itself: what it owns never leaves it.
struct EngineStart: Sendable {
    let file: GGUFFile
    let threadCount: Int
    let plan: MemoryPlan
    let report: @Sendable (LoadingProgress) -> Void
    let mailbox: EngineMailbox
    let metrics: EngineMetrics
    /// Processors' worth of CPU time that the process may use; nil where that is not limited.
    let processorQuota: Double?
    /// Told when the model's file turns out to have changed.
    let reportFailure: @Sendable (ModelFileError) -> Void

    /// What the rest of the server needs to know of the loaded model.
    struct Loaded: Sendable {
        let summary: ModelSummary
        let tokenizer: Tokenizer
        let vocabularySize: Int
        let routedTokens: RoutedTokens
        let outlet: EngineOutlet
        /// Signalled when the engine has ended.
        let done: DispatchSemaphore
    }

    /// Returns when the engine is ready for its first request.
    func run() async throws(ModelError) -> Loaded {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Loaded, ModelError>, Never>) in
            let thread = Thread { @Sendable in load(continuation) }
            thread.name = "apus-engine"
            thread.stackSize = 8 << 20
            thread.start()
        }
        return try result.get()
    }

    private func load(_ continuation: CheckedContinuation<Result<Loaded, ModelError>, Never>) {
        let engine: Engine
        let loaded: Loaded
        do throws(ModelError) {
            let team = try ThreadTeam(threadCount: threadCount)
            let language = try LanguageModel(
                file, team: team, storage: plan.storage, report: report)
            let runner = try ModelRunner(
                language.model, team: team, maxTokenCount: plan.limits.maxStepTokenCount,
                kvBlockCount: plan.limits.kvBlockCount, kvType: plan.kvType)
            // Reserved, not yet touched: the system gives pages on first use.
            guard runner.allocatedBytes <= plan.maxWorkingBytes else {
                throw .outOfResources(
                    "KV pool and scratch take \(MemoryLimit.gibibytes(runner.allocatedBytes)), the "
                        + "weights leave \(MemoryLimit.gibibytes(plan.maxWorkingBytes))")
            }
            let outlet = EngineOutlet()
            engine = Engine(
                runner: runner, tokenizer: language.tokenizer, limits: plan.limits,
                stepTime: plan.stepTime, maxWait: plan.maxWait,
                speculation: plan.speculates ? Speculation(for: language.summary) : nil,
                threadCount: threadCount, mailbox: mailbox,
                metrics: metrics,
                spinning: SpinPolicy(quota: processorQuota, threadCount: threadCount),
                findDamage: { [file] in file.damage }, reportFailure: reportFailure,
                deliver: outlet.deliver)
            loaded = Loaded(
                summary: language.summary, tokenizer: language.tokenizer,
                vocabularySize: language.model.vocabularySize,
                routedTokens: runner.routedTokens, outlet: outlet,
                done: DispatchSemaphore(value: 0))
        } catch {
            continuation.resume(returning: .failure(error))
            return
        }
        continuation.resume(returning: .success(loaded))
        engine.run()
        loaded.done.signal()
    }
}

extension Speculation {
    /// For a model whose decodes read weights and do little else.
    init(for model: ModelSummary) {
        // What a row costs beside that: attention, and multiplications with weights that are at hand.
        let rowBytes = 0.04 * model.weightBytesRead(tokenCount: 1)
        self.init(
            DecodeCostModel { rowCount in
                model.weightBytesRead(tokenCount: rowCount) + rowBytes * Double(rowCount)
            })
    }
}

/// Where a step's outputs go; connected once, after the engine has started and before requests come.
final class EngineOutlet: Sendable {
    private let receiver = Mutex<(@Sendable ([GenerationOutput]) -> Void)?>(nil)

    /// Sends everything from now on to `receiver`.
    func connect(_ receiver: @escaping @Sendable ([GenerationOutput]) -> Void) {
        self.receiver.withLock { $0 = receiver }
    }

    @Sendable func deliver(_ outputs: [GenerationOutput]) {
        receiver.withLock { $0 }?(outputs)
    }
}
