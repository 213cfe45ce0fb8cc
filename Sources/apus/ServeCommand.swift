// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Decoding
import Dispatch
import Foundation
import Logging
import OpenAIAPI
import ServerApp

/// `apus serve`: the OpenAI-compatible endpoint.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve a model on an OpenAI-compatible endpoint.")

    @OptionGroup var model: ModelOptions

    @OptionGroup(title: "Network") var network: NetworkOptions

    @Option(help: "Sequences that generate at the same time.")
    var parallel = 32

    @Option(help: "Longest prompt and answer together; default: the model's.")
    var contextLength: Int?

    @OptionGroup var kv: KVOptions

    @Option(
        name: .customLong("kv-mib"),
        help: "Size of the KV pool in MiB; default: by need and memory.")
    var kvMebibytes: Int?

    @Flag(
        inversion: .prefixedNo,
        help: "Keep computed prefixes for requests that begin alike, as far as there is room.")
    var prefixCache = true

    @Option(help: "Choices that wait at most; more get 429.")
    var maxWaiting = 512

    @Option(
        help:
            "Prompt tokens that wait at most; more get 429. Default: 4096 for each choice that may."
    )
    var maxWaitingTokens: Int?

    @Option(help: "Tokens that one step computes at most.")
    var stepTokens = 512

    @Option(help: "Prompt tokens that one step computes beside running decodes at most.")
    var prefillTokens = 512

    @Option(
        help:
            "Milliseconds in which a step with decodes is to end: prompts have the time they leave."
    )
    var maxStepTime = 300

    @Flag(
        inversion: .prefixedNo,
        help: "Guess tokens and compute them ahead where that pays; the output is the same.")
    var speculation = true

    @Option(name: .customLong("model-name"), help: "The id of the model; default: the file's name.")
    var modelName: String?

    @Option(help: "A file with the chat template to use in place of the model's.")
    var chatTemplateFile: String?

    @Option(help: "Which of the model's chat templates to use, by name; default: its default one.")
    var chatTemplate: String?

    @Option(help: "What becomes of unknown request fields: warn, strict or lax.")
    var unknownFields = UnknownFieldPolicy.warn

    @Option(help: "Seconds that running requests get after SIGTERM.")
    var grace = 30

    func validate() throws {
        guard chatTemplateFile == nil || chatTemplate == nil else {
            throw ValidationError("--chat-template-file and --chat-template exclude each other")
        }
        let bounds: [(String, Int?, ClosedRange<Int>)] = [
            ("--parallel", parallel, 1...4096),
            ("--context-length", contextLength, 1...(1 << 27)),
            ("--kv-mib", kvMebibytes, 1...(1 << 24)), ("--max-waiting", maxWaiting, 1...100_000),
            ("--max-waiting-tokens", maxWaitingTokens, 1...(1 << 30)),
            ("--step-tokens", stepTokens, max(1, parallel)...65536),
            ("--prefill-tokens", prefillTokens, 1...65536),
            ("--max-step-time", maxStepTime, 1...60_000), ("--grace", grace, 0...86400),
        ]
        for (name, value, range) in bounds {
            guard let value, !range.contains(value) else { continue }
            throw ValidationError("\(name) goes from \(range.lowerBound) to \(range.upperBound)")
        }
    }

    func run() async throws {
        var configuration = ServerConfiguration()
        configuration.modelName = modelName
        configuration.network = network.configuration
        configuration.threadCount = model.threads
        configuration.parallelCount = parallel
        configuration.contextLength = contextLength
        configuration.kvType = kv.type
        configuration.kvBytes = kvMebibytes.map { $0 << 20 }
        configuration.keepsPrefixes = prefixCache
        configuration.maxWaitingCount = maxWaiting
        configuration.maxWaitingTokenCount = maxWaitingTokens
        configuration.stepTokenCount = stepTokens
        configuration.prefillTokenCountWhileDecoding = prefillTokens
        configuration.maxStepTime = .milliseconds(maxStepTime)
        configuration.speculates = speculation
        configuration.chatTemplatePath = chatTemplateFile
        configuration.chatTemplateName = chatTemplate
        configuration.unknownFields = unknownFields
        configuration.gracePeriod = .seconds(grace)

        let file = try model.open()
        let logger = Logger(label: "apus") { StreamLogHandler.standardError(label: $0) }
        configuration.loading = model.weights.loading(logger)
        let signals = TerminationSignals()
        let reloading = ReloadSignal()
        // Whoever stops reading a log does not end the server.
        signal(SIGPIPE, SIG_IGN)
        let server: Server
        do throws(ServerError) {
            server = try await Server(configuration, file: file, logger: logger)
        } catch {
            throw report(error)
        }
        signals.beginServing()
        reloading.onSignal { Task { await server.reload() } }
        await signals.next()
        logger.info("stopping: running requests have \(grace) s")
        Task {
            await signals.next()
            logger.info("stopping now")
            await server.shutdown()
        }
        await server.shutdown()
        withExtendedLifetime(reloading) {}
        logger.info("stopped")
    }

    private func report(_ error: ServerError) -> ExitCode {
        switch error {
        case .model(let error):
            printError(error.line(model.path))
            return error.isMissingInput ? ExitStatus.missingInput : ExitStatus.badConfiguration
        case .configuration(let message), .listening(let message):
            printError(message)
            return ExitStatus.badConfiguration
        }
    }
}

extension UnknownFieldPolicy: ExpressibleByArgument {}
