// SPDX-License-Identifier: Apache-2.0

package import Decoding
package import ModelFile

/// Times prefill and decode of a model, as llama-bench and llama-batched-bench do: `pp` tokens per
/// second of a prompt, `tg` tokens per second of one or several sequences.
package struct Benchmark {
    /// Steps of a decode that go before the first repetition: caches and threads are warm after few.
    private static let warmUpStepCount = 8

    private let options: BenchmarkOptions
    private let fileName: String
    private let summary: ModelSummary
    private let parameters: BenchmarkWork.Parameters
    private let model: Model
    private let layout: BenchmarkLayout

    /// Loads the model, when it and what the runs need fit into memory.
    package init(_ file: GGUFFile, _ options: BenchmarkOptions) throws(ModelError) {
        let threadCount = options.threadCounts.max() ?? 1
        let requirements = try ModelRequirements(
            file, maxTokenCount: Self.maxTokenCount(options), threadCount: threadCount)
        layout = try BenchmarkLayout(options.tests, groupCount: requirements.kvGroups.count)
        try requirements.check(kvBlockCount: layout.blockCount, MemoryLimit.available())
        model = try Model(file, team: ThreadTeam(threadCount: threadCount))
        summary = try ModelSummary(file)
        parameters = BenchmarkWork.Parameters(file, summary)
        fileName = file.name
        self.options = options
    }

    /// Runs every test once to warm up, then `repetitionCount` times.
    package func run() throws(ModelError) -> BenchmarkReport {
        var rows: [BenchmarkRow] = []
        for threadCount in options.threadCounts {
            rows += try self.rows(threadCount: threadCount)
        }
        return BenchmarkReport(
            model: fileName, summary: summary, instructionSet: "\(InstructionSet.best)",
            chunkTokenCount: options.chunkTokenCount, rows: rows)
    }

    private func rows(threadCount: Int) throws(ModelError) -> [BenchmarkRow] {
        let limits = MachineLimits(threadCount: threadCount)
        let runner = try ModelRunner(
            model, team: ThreadTeam(threadCount: threadCount),
            maxTokenCount: Self.maxTokenCount(options), kvBlockCount: max(1, layout.blockCount))
        var sequences = BenchmarkSequences(
            runner: runner, layout: layout, chunkTokenCount: options.chunkTokenCount)
        var rows: [BenchmarkRow] = []
        for test in options.tests {
            sequences.prepare(test)
            sequences.run(
                test, maxStepCount: test.kind == .prefill ? .max : Self.warmUpStepCount)
            let before = runner.weightsRead.byteCount
            let speeds = (0..<options.repetitionCount).map { _ in
                let time = ContinuousClock().measure { sequences.run(test) }
                return Double(test.totalTokenCount) / (time / .seconds(1))
            }
            let weightBytes = runner.weightsRead.byteCount - before
            rows.append(
                BenchmarkRow(
                    test: test, threadCount: threadCount, limits: limits, speeds: speeds,
                    work: BenchmarkWork(
                        test, chunkTokenCount: options.chunkTokenCount,
                        weightBytes: weightBytes / max(1, options.repetitionCount), model: model,
                        parameters: parameters)))
        }
        let higher = limits.higher(MachineLimits(threadCount: threadCount))
        for index in rows.indices { rows[index].limits = higher }
        return rows
    }

    /// Rows that the largest step has.
    private static func maxTokenCount(_ options: BenchmarkOptions) -> Int {
        max(options.chunkTokenCount, options.batchCounts.max() ?? 1)
    }
}

extension ModelRequirements {
    /// Fails with the numbers when a pool of `kvBlockCount` blocks does not fit beside the weights.
    fileprivate func check(kvBlockCount: Int, _ memory: MemoryLimit) throws(ModelError) {
        let (kvBytes, overflows) = kvBlockBytes(.f16).multipliedReportingOverflow(by: kvBlockCount)
        let left = memory.availableBytes - weightBytes - scratchBytes
        guard overflows || kvBytes > left else { return }
        throw .outOfResources(
            "weights need \(MemoryLimit.gibibytes(weightBytes)), steps "
                + "\(MemoryLimit.gibibytes(scratchBytes)), keys and values of all sequences "
                + "\(MemoryLimit.gibibytes(overflows ? .max : kvBytes)); \(memory.reason)")
    }
}
