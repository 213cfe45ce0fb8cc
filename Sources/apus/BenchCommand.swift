// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ServerApp

/// `apus bench`: prefill and decode speed beside the machine's limits.
struct BenchCommand: ParsableCommand {
    enum Output: String, ExpressibleByArgument, CaseIterable {
        case table
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure prefill and decode speed beside the machine's limits.")

    @OptionGroup var model: ModelOptions

    @Option(name: [.customShort("p"), .long], help: "Tokens of the prompt; 0 skips prefill.")
    var promptTokens = 512

    @Option(name: [.customShort("n"), .long], help: "Tokens to generate; 0 skips decode.")
    var generatedTokens = 128

    @Option(name: [.short, .long], help: "Repetitions of each measure.")
    var repetitions = 5

    @Option(name: [.short, .long], help: "table or json.")
    var output = Output.table

    func validate() throws {
        guard (0...1_000_000).contains(promptTokens), (0...1_000_000).contains(generatedTokens)
        else { throw ValidationError("-p and -n go from 0 to 1000000") }
        guard (1...1000).contains(repetitions) else {
            throw ValidationError("-r goes from 1 to 1000")
        }
    }

    func run() throws {
        let file = try model.open()
        let options = Benchmark.Options(
            promptTokenCount: promptTokens, generatedTokenCount: generatedTokens,
            threadCount: model.threadCount, repetitionCount: repetitions)
        let report = try reportingModelErrors(model.path) { try Benchmark(file, options).run() }
        print(output == .json ? try report.json() : report.table)
    }
}
