// SPDX-License-Identifier: Apache-2.0

package import Decoding
internal import Foundation
package import ModelFile

/// Times prefill and decode of a model, as llama-bench does: `pp` tokens per second of a prompt,
/// `tg` tokens per second of one sequence after an empty context.
package struct Benchmark {
    /// What to measure.
    package struct Options: Sendable {
        /// Tokens of the prompt.
        package var promptTokenCount: Int
        /// Tokens generated one by one.
        package var generatedTokenCount: Int
        package var threadCount: Int
        package var repetitionCount: Int
        /// Rows of one prefill step.
        package var chunkTokenCount: Int

        package init(
            promptTokenCount: Int = 512, generatedTokenCount: Int = 128, threadCount: Int,
            repetitionCount: Int = 5, chunkTokenCount: Int = 512
        ) {
            self.promptTokenCount = promptTokenCount
            self.generatedTokenCount = generatedTokenCount
            self.threadCount = threadCount
            self.repetitionCount = repetitionCount
            self.chunkTokenCount = chunkTokenCount
        }
    }

    private let options: Options
    private let model: Model
    private let summary: ModelSummary
    private let runner: ModelRunner
    /// Positions that the KV pool has room for.
    private let positionCount: Int

    /// Loads the model and reserves what the runs need.
    package init(_ file: GGUFFile, _ options: Options) throws(ModelError) {
        self.options = options
        let team = try ThreadTeam(threadCount: options.threadCount)
        model = try Model(file, team: team)
        summary = try ModelSummary(file)
        positionCount = max(16, options.promptTokenCount, options.generatedTokenCount)
        runner = try ModelRunner(
            model, team: team, maxTokenCount: max(1, options.chunkTokenCount),
            kvBlockCount: model.kvGroups.count * ((positionCount + 15) / 16))
    }

    /// Runs everything once to warm up, then each measure `repetitionCount` times.
    package func run() -> BenchmarkReport {
        let limits = MachineLimits(threadCount: options.threadCount)
        var rows: [BenchmarkReport.Row] = []
        if options.promptTokenCount > 0 {
            prefill()
            let speeds = repeated(options.promptTokenCount) { prefill() }
            rows.append(
                .init(
                    test: "pp\(options.promptTokenCount)", speeds: speeds,
                    limit: limit(
                        limits, tokens: options.promptTokenCount,
                        perStep: min(options.chunkTokenCount, options.promptTokenCount))))
        }
        if options.generatedTokenCount > 0 {
            decode(8)
            let speeds = repeated(options.generatedTokenCount) {
                decode(options.generatedTokenCount)
            }
            rows.append(
                .init(
                    test: "tg\(options.generatedTokenCount)", speeds: speeds,
                    limit: limit(limits, tokens: 1, perStep: 1)))
        }
        return BenchmarkReport(
            summary: summary, threadCount: options.threadCount, limits: limits,
            instructionSet: "\(InstructionSet.best)", rows: rows)
    }

    /// Tokens per second when either reading the weights or multiplying them is all that takes time.
    private func limit(_ limits: MachineLimits, tokens: Int, perStep: Int) -> Double {
        let reading = summary.weightBytesRead(tokenCount: perStep) / limits.readBandwidth
        let multiplying =
            2 * Double(summary.activeParameterCount) * Double(perStep) / limits.int8Operations
        return Double(perStep) / max(reading, multiplying)
    }

    private func repeated(_ tokens: Int, _ body: () -> Void) -> [Double] {
        (0..<max(1, options.repetitionCount)).map { _ in
            let time = ContinuousClock().measure(body)
            return Double(tokens) / (time / .seconds(1))
        }
    }

    private func prefill() {
        var generator = SeededTokens(vocabularySize: model.vocabularySize)
        for start in stride(
            from: 0, to: options.promptTokenCount, by: options.chunkTokenCount)
        {
            let end = min(options.promptTokenCount, start + options.chunkTokenCount)
            runner.append(
                tokens: (start..<end).map { _ in generator.next() }, startPosition: start,
                blockTables: Int32(0)..<Int32(runner.kvBlockCount),
                logitsRowCount: end == options.promptTokenCount ? 1 : 0)
            runner.run { _ in }
        }
    }

    private func decode(_ count: Int) {
        var generator = SeededTokens(vocabularySize: model.vocabularySize)
        for position in 0..<min(count, positionCount) {
            runner.append(
                tokens: CollectionOfOne(generator.next()), startPosition: position,
                promptTokenCount: 0, blockTables: Int32(0)..<Int32(runner.kvBlockCount),
                logitsRowCount: 1)
            runner.run { _ in }
        }
    }
}

/// The same pseudo-random tokens in every run, so that experts are chosen alike.
private struct SeededTokens {
    private var state: UInt64 = 1
    private let vocabularySize: Int

    init(vocabularySize: Int) { self.vocabularySize = vocabularySize }

    mutating func next() -> Int32 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int32(Int(state >> 33) % vocabularySize)
    }
}
