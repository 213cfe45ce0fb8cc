// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Decoding
import Foundation
import ServerApp

/// `apus evaluate`: perplexity and KL divergence against reference log-probabilities.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure perplexity and KL divergence against reference log-probabilities.")

    @OptionGroup var model: ModelOptions

    @Option(help: "A NumPy archive with ids, top_ids and top_logprobs.")
    var reference: String

    @Option(name: .customLong("kv-type"), help: "f16 or f32.")
    var kvType = KVType.f16

    func run() throws {
        let evaluation: Evaluation
        do { evaluation = try Evaluation(reference: reference) } catch {
            printError("\(reference): \(error)")
            throw error.isMissingInput ? ExitStatus.missingInput : ExitStatus.badConfiguration
        }
        let file = try model.open()
        let result = try reportingModelErrors(model.path) {
            try evaluation.run(file, threadCount: model.threadCount, kvType: kvType)
        }
        print(
            String(
                format: """
                    positions            %d
                    perplexity           %.4f
                    mean KL divergence   %.6f
                    99th percentile      %.6f
                    top-1 agreement      %.2f %%
                    """,
                result.positionCount, result.perplexity, result.meanDivergence,
                result.divergence99, 100 * result.topAgreement))
    }
}

extension KVType: ExpressibleByArgument {}
