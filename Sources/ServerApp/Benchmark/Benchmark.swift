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
    private let storage: WeightStorage
    private let layout: BenchmarkLayout

    /// Loads the model, when it and what the runs need fit into memory.
    package init(
        _ file: GGUFFile, _ options: BenchmarkOptions, _ loading: LoadingOptions = LoadingOptions()
    ) throws(ModelError) {
        let threadCount = options.threadCounts.max() ?? 1
        func layout(_ requirements: ModelRequirements) throws(ModelError) -> BenchmarkLayout {
            try BenchmarkLayout(options.tests, groupCount: requirements.kvGroups.count)
        }
        let plan = try WeightPlan(
            loading.weights, file, maxTokenCount: Self.maxTokenCount(options),
            threadCount: threadCount
        ) { requirements throws(ModelError) in
            let (bytes, overflows) = requirements.kvBlockBytes(options.kvType)
                .multipliedReportingOverflow(by: try layout(requirements).blockCount)
            return overflows ? .max : bytes
        }
        loading.planned(plan)
        self.layout = try layout(plan.requirements)
        storage = plan.storage
        model = try Model(
            file, team: ThreadTeam(threadCount: threadCount), storage: plan.storage,
            report: loading.report)
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
            model: fileName, summary: summary, weights: storage,
            modelBytes: model.weightBytes + model.mappedWeightBytes,
            kvType: options.kvType, instructionSet: "\(InstructionSet.best)",
            chunkTokenCount: options.chunkTokenCount, rows: rows)
    }

    private func rows(threadCount: Int) throws(ModelError) -> [BenchmarkRow] {
        let limits = MachineLimits(threadCount: threadCount)
        let runner = try ModelRunner(
            model, team: ThreadTeam(threadCount: threadCount),
            maxTokenCount: Self.maxTokenCount(options), kvBlockCount: max(1, layout.blockCount),
            kvType: options.kvType)
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
                        kvType: options.kvType, parameters: parameters)))
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
