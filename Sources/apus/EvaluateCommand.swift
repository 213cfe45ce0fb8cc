// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Decoding
import Foundation
import ServerApp

/// `apus evaluate`: how close a model comes to reference log-probabilities or logits.
struct EvaluateCommand: ParsableCommand {
    /// What the archive holds.
    private enum Reference {
        case logits(LogitsComparison)
        case logProbabilities(Evaluation)

        init(path: String) throws(NumPyError) {
            let archive = try NumPyArchive(path: path)
            self =
                archive.names.contains(LogitsComparison.arrayName)
                ? .logits(try LogitsComparison(archive))
                : .logProbabilities(try Evaluation(archive))
        }
    }

    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Compare a model with reference log-probabilities or logits.",
        discussion: """
            A reference of ids, top_ids and top_logprobs gives perplexity and KL divergence; one of ids \
            and logits gives differences of logits, relative to the reference's where that is above 1.
            """)

    @OptionGroup var model: ModelOptions

    @Option(help: "A NumPy archive of ids, top_ids and top_logprobs, or of ids and logits.")
    var reference: String

    @OptionGroup var kv: KVOptions

    @Option(help: "Tokens that one step computes at most.")
    var chunk = 512

    func validate() throws {
        guard (1...65536).contains(chunk) else {
            throw ValidationError("--chunk goes from 1 to 65536")
        }
    }

    func run() throws {
        let reference: Reference
        do { reference = try Reference(path: self.reference) } catch {
            printError("\(error)")
            throw error.isMissingInput ? ExitStatus.missingInput : ExitStatus.badConfiguration
        }
        let file = try model.open()
        let loading = model.weights.loading()
        let report = try reportingModelErrors(file) {
            switch reference {
            case .logits(let comparison):
                Self.report(
                    try comparison.run(
                        file, threadCount: model.threadCount, kvType: kv.type,
                        chunkTokenCount: chunk, loading: loading))
            case .logProbabilities(let evaluation):
                Self.report(
                    try evaluation.run(
                        file, threadCount: model.threadCount, kvType: kv.type,
                        chunkTokenCount: chunk, loading: loading))
            }
        }
        print(report)
    }

    private static func report(_ result: LogitsComparison.Result) -> String {
        String(
            format: """
                positions            %d
                worst difference     %.3g
                mean difference      %.3g
                top-1 agreement      %.2f %%
                """,
            result.positionCount, result.worstDifference, result.meanDifference,
            100 * result.topAgreement)
    }

    private static func report(_ result: Evaluation.Result) -> String {
        String(
            format: """
                positions            %d
                perplexity           %.4f
                mean KL divergence   %.6f
                99th percentile      %.6f
                top-1 agreement      %.2f %%
                """,
            result.positionCount, result.perplexity, result.meanDivergence, result.divergence99,
            100 * result.topAgreement)
    }
}
