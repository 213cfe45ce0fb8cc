// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Decoding
import ServerApp

/// `apus bench`: prefill and decode speed, or that of the kernels alone, beside the machine's limits.
struct BenchCommand: ParsableCommand {
    enum Output: String, ExpressibleByArgument, CaseIterable {
        case table
        case csv
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure prefill and decode speed beside the machine's limits.",
        discussion: "Options that take lists measure every combination: -p 512,2048 -d 0,4096.")

    @Option(
        name: [.customShort("m"), .customLong("model")],
        help: "The model, a GGUF file; of a split one the first part.")
    var path: String?

    @OptionGroup var metadata: MetadataOptions

    @OptionGroup var weights: WeightOptions

    @Option(
        name: [.customShort("p"), .long],
        help: "Tokens of the prompt, a list; 0 skips prefill.")
    var promptTokens = CountList([512])

    @Option(
        name: [.customShort("n"), .long], help: "Tokens to generate, a list; 0 skips decode.")
    var generatedTokens = CountList([128])

    @Option(name: [.short, .long], help: "Sequences that decode at once, a list.")
    var batch = CountList([1])

    @Option(name: [.short, .long], help: "Positions computed before the measured part, a list.")
    var depth = CountList([0])

    @Option(name: [.short, .long], help: "Threads, a list; default: what the process may use.")
    var threads: CountList?

    @Option(name: [.short, .long], help: "Repetitions of each measure.")
    var repetitions = 5

    @Option(help: "Tokens that one prefill step computes at most.")
    var chunk = 512

    @OptionGroup var kv: KVOptions

    @Flag(help: "Measure the multiply kernels alone, without a model.")
    var kernels = false

    @Option(help: "Weight types of --kernels, a list such as Q4_K,Q6_K; default: all.")
    var types: KernelTypes?

    @Option(name: [.short, .long], help: "table, csv or json.")
    var output = Output.table

    func validate() throws {
        let bounds: [(String, [Int], ClosedRange<Int>)] = [
            ("-p", promptTokens.values, 0...1_000_000),
            ("-n", generatedTokens.values, 0...1_000_000),
            ("--batch", batch.values, 1...1024), ("--depth", depth.values, 0...1_000_000),
            ("--threads", threads?.values ?? [], 1...1024), ("-r", [repetitions], 1...1000),
            ("--chunk", [chunk], 1...65536),
        ]
        for (name, values, range) in bounds where !values.allSatisfy(range.contains) {
            throw ValidationError("\(name) goes from \(range.lowerBound) to \(range.upperBound)")
        }
        guard kernels == (path == nil) else {
            throw ValidationError("give either --model or --kernels")
        }
        guard kernels || types == nil else { throw ValidationError("--types needs --kernels") }
        guard kernels || (promptTokens.values + generatedTokens.values).contains(where: { $0 > 0 })
        else { throw ValidationError("-p and -n are both 0: nothing is measured") }
    }

    func run() throws {
        guard let path else { return runKernels() }
        let file = try metadata.open(path)
        var options = BenchmarkOptions(threadCounts: threadCounts)
        options.promptTokenCounts = promptTokens.values
        options.generatedTokenCounts = generatedTokens.values
        options.batchCounts = batch.values
        options.depths = depth.values
        options.repetitionCount = repetitions
        options.chunkTokenCount = chunk
        options.kvType = kv.type
        let report = try reportingModelErrors(file) {
            try Benchmark(file, options, weights.loading()).run()
        }
        printReport(report.table, report.records)
    }

    private func runKernels() {
        var options = KernelBenchmark.Options(threadCounts: threadCounts)
        options.types = types?.values ?? KernelSpeed.types
        options.repetitionCount = repetitions
        let report = KernelBenchmark(options).run()
        printReport(report.table, report.records)
    }

    private var threadCounts: [Int] { threads?.values ?? [ProcessorCount.available().count] }

    private func printReport(_ table: @autoclosure () -> String, _ records: [Record]) {
        switch output {
        case .table: print(table())
        case .csv: print(records.csv)
        case .json: print(records.json)
        }
    }
}

extension CountList: ExpressibleByArgument {
    /// The spelling on the command line.
    package init?(argument: String) { self.init(argument) }
}
