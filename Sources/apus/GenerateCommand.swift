// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Decoding
import Foundation
import ServerApp

/// `apus generate`: one continuation on standard output.
struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Continue a prompt on standard output; timing on standard error.")

    @OptionGroup var model: ModelOptions

    @Option(name: [.short, .long], help: "The text to continue.")
    var prompt: String

    @Option(help: "Tokens to generate at most.")
    var maxTokens = 128

    @Option(help: "0 takes the likeliest token; higher is more random.")
    var temperature: Float = 0.8

    @Option(help: "Keeps the likeliest tokens that reach this probability together.")
    var topP: Float = 0.95

    @Option(help: "Decides the random choices; default: another one each time.")
    var seed: UInt64?

    func validate() throws {
        guard temperature >= 0, temperature.isFinite else {
            throw ValidationError("--temperature is 0 or more")
        }
        guard (0...1).contains(topP) else { throw ValidationError("--top-p goes from 0 to 1") }
        guard (0...(1 << 27)).contains(maxTokens) else {
            throw ValidationError("--max-tokens goes from 0 to \(1 << 27)")
        }
    }

    func run() throws {
        var sampling = SamplingParameters()
        sampling.temperature = temperature
        sampling.topP = topP
        sampling.seed = seed ?? UInt64.random(in: 0...UInt64.max)
        let file = try model.open()
        let timing = try reportingModelErrors(file) {
            let team = try ThreadTeam(threadCount: model.threadCount)
            let loading = model.weights.loading()
            let plan = try WeightPlan(
                loading.weights, file, maxTokenCount: 512, threadCount: model.threadCount
            ) { Generation.kvBytes($0, prompt: prompt, maxTokenCount: maxTokens) }
            loading.planned(plan)
            let language = try LanguageModel(
                file, team: team, storage: plan.storage, report: loading.report)
            let generation = Generation(language, team: team)
            return try generation.run(
                prompt: prompt, maxTokenCount: maxTokens, sampling: sampling
            ) { FileHandle.standardOutput.write(Data($0)) }
        }
        FileHandle.standardOutput.write(Data("\n".utf8))
        printError(timing.line)
    }
}
