// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import ModelFile
internal import Scheduling

/// What goes where in memory, decided before anything is allocated.
struct MemoryPlan: Sendable {
    let limits: SchedulerLimits
    let storage: WeightStorage
    let kvType: KVType
    let stepTime: StepTime
    let maxWait: Duration
    let speculates: Bool
    /// Bytes that KV pool and scratch may take together. What is mapped does not count: the system takes it
    /// back when memory is short.
    let maxWorkingBytes: Int
    /// One line for the log.
    let summary: String
}

extension Server {
    /// Decides where weights are kept and sizes the KV pool from what they leave; fails with the numbers
    /// when the model does not fit.
    static func plan(
        _ configuration: ServerConfiguration, file: GGUFFile, threadCount: Int,
        memory: MemoryLimit
    ) throws(ServerError) -> MemoryPlan {
        let weights: WeightPlan
        do {
            weights = try WeightPlan(
                configuration.loading.weights, file,
                maxTokenCount: configuration.stepTokenCount, threadCount: threadCount,
                memory: memory
            ) { leastKVBytes($0, configuration) }
        } catch { throw .model(error) }
        configuration.loading.planned(weights)
        let requirements = weights.requirements
        let contextLength = configuration.contextLength ?? requirements.contextLength
        guard contextLength <= requirements.contextLength else {
            throw .configuration(
                "--context-length \(contextLength) exceeds the model's \(requirements.contextLength)"
            )
        }
        let blockBytes = requirements.kvBlockBytes(configuration.kvType)
        let spans = requirements.kvGroups.map(KVSpan.init)
        let blocksPerSequence = spans.reduce(0) {
            $0
                + $1.maxBlockCount(
                    forPositionCount: contextLength,
                    maxStepTokenCount: configuration.stepTokenCount, blockLength: 16)
        }
        let left = weights.leftBytes
        let wanted = blocksPerSequence * configuration.parallelCount
        let affordable = (configuration.kvBytes ?? left / 2) / blockBytes
        let blockCount = min(wanted, affordable)
        // The shortest sequence has a block in each group.
        guard blockCount >= spans.count else {
            throw .configuration(
                "a KV pool of \(MemoryLimit.gibibytes(configuration.kvBytes ?? left / 2)) does not "
                    + "fit: one block takes \(blockBytes) bytes, \(memory.reason), weights "
                    + MemoryLimit.gibibytes(requirements.weightBytes))
        }
        let capacity =
            blockCount < blocksPerSequence
            ? "\(blockCount) blocks, of the \(blocksPerSequence) of a full context"
            : "\(blockCount / blocksPerSequence) sequences of \(contextLength) positions"
        do {
            return MemoryPlan(
                limits: try SchedulerLimits(
                    maxRunningSequenceCount: configuration.parallelCount,
                    maxWaitingRequestCount: configuration.maxWaitingCount,
                    maxWaitingTokenCount: configuration.maxWaitingTokenCount
                        ?? max(contextLength, configuration.maxWaitingCount * 4096),
                    maxStepTokenCount: configuration.stepTokenCount,
                    maxPrefillTokenCountWhileDecoding: min(
                        configuration.prefillTokenCountWhileDecoding, configuration.stepTokenCount),
                    maxSequenceLength: contextLength, kvBlockCount: blockCount, kvSpans: spans,
                    keepsPrefixes: configuration.keepsPrefixes,
                    tellsPromptTokensApart: requirements.tellsPromptTokensApart),
                storage: weights.storage,
                kvType: configuration.kvType,
                stepTime: StepTime(maxSeconds: configuration.maxStepTime / .seconds(1)),
                maxWait: configuration.maxWait,
                speculates: configuration.speculates,
                maxWorkingBytes: left + requirements.scratchBytes,
                summary: """
                    memory: weights \(requirements.weightAmounts), embedding \
                    \(MemoryLimit.gibibytes(requirements.embeddingBytes)) mapped, scratch \
                    \(MemoryLimit.gibibytes(requirements.scratchBytes)), KV pool \
                    \(MemoryLimit.gibibytes(blockCount * blockBytes)) for \
                    \(capacity) \
                    (\(configuration.kvType.rawValue)); \(memory.reason)
                    """)
        } catch { throw .configuration("\(error)") }
    }

    /// Bytes of keys and values without which there is no serving: what was asked for, else enough that half
    /// of what is left has a block for each group of layers; more than 16 blocks in any case.
    private static func leastKVBytes(
        _ requirements: ModelRequirements, _ configuration: ServerConfiguration
    ) -> Int {
        let blockBytes = requirements.kvBlockBytes(configuration.kvType)
        return max(
            configuration.kvBytes ?? 2 * requirements.kvGroups.count * blockBytes,
            16 * blockBytes + 1)
    }
}

extension KVSpan {
    /// What the scheduler keeps for layers whose queries see this.
    init(_ span: AttentionSpan) {
        self =
            switch span {
            case .full: .full
            case .sliding(let length): .sliding(length)
            case .chunked(let length): .chunked(length)
            }
    }
}
