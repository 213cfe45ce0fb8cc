// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import ModelFile
internal import Scheduling

/// What goes where in memory, decided before anything is allocated.
struct MemoryPlan: Sendable {
    let limits: SchedulerLimits
    let kvType: KVType
    /// Bytes that KV pool and scratch may take together.
    let maxWorkingBytes: Int
    /// One line for the log.
    let summary: String
}

extension Server {
    /// Sizes the KV pool from what the weights leave; fails with the numbers when the model
    /// does not fit.
    static func plan(
        _ configuration: ServerConfiguration, file: GGUFFile, threadCount: Int
    ) throws(ServerError) -> MemoryPlan {
        let requirements: ModelRequirements
        do {
            requirements = try ModelRequirements(
                file, maxTokenCount: configuration.stepTokenCount, threadCount: threadCount)
        } catch { throw .model(error) }
        let memory = MemoryLimit.available()
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
        let left =
            memory.availableBytes - requirements.weightBytes - requirements.scratchBytes
        guard left > blockBytes * 16 else {
            throw .configuration(
                "the weights need \(MemoryLimit.gibibytes(requirements.weightBytes)) and steps "
                    + "\(MemoryLimit.gibibytes(requirements.scratchBytes)), \(memory.reason)")
        }
        let wanted = blocksPerSequence * configuration.parallelCount
        let affordable = (configuration.kvBytes ?? left / 2) / blockBytes
        let blockCount = min(wanted, affordable)
        // The shortest sequence has a block in each group.
        guard blockCount >= spans.count, (configuration.kvBytes ?? 0) <= left else {
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
                    maxWaitingTokenCount: max(
                        contextLength, configuration.maxWaitingCount * 4096),
                    maxStepTokenCount: configuration.stepTokenCount,
                    maxPrefillTokenCountWhileDecoding: min(
                        configuration.prefillTokenCountWhileDecoding, configuration.stepTokenCount),
                    maxSequenceLength: contextLength, kvBlockCount: blockCount, kvSpans: spans),
                kvType: configuration.kvType,
                maxWorkingBytes: left + requirements.scratchBytes,
                summary: """
                    memory: weights \(MemoryLimit.gibibytes(requirements.weightBytes)), embedding \
                    \(MemoryLimit.gibibytes(requirements.embeddingBytes)) mapped, scratch \
                    \(MemoryLimit.gibibytes(requirements.scratchBytes)), KV pool \
                    \(MemoryLimit.gibibytes(blockCount * blockBytes)) for \
                    \(capacity) \
                    (\(configuration.kvType.rawValue)); \(memory.reason)
                    """)
        } catch { throw .configuration("\(error)") }
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
