// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Decoding
import Dispatch
import Foundation
import Logging
import ModelFile
import ServerApp

/// `apus serve`: the OpenAI-compatible endpoint.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve a model on an OpenAI-compatible endpoint.",
        discussion: """
            Every option can also be in the environment, as APUS_MAX_WAITING for --max-waiting, and in a YAML \
            file, as max-waiting; options come first, then the environment. apus config shows what is in force.
            """)

    @OptionGroup var options: ServeOptions

    func run() async throws {
        let settings = try options.settings()
        var configuration = settings.configuration
        guard let path = configuration.modelPath else {
            throw ValidationError(
                "no model: give --model, APUS_MODEL, or model in the configuration file")
        }
        let file = try openModel(path, overrides: configuration.metadataOverrides)
        let logger = Logger(label: "apus") { StreamLogHandler.standardError(label: $0) }
        configuration.loading = LoadingOptions(configuration.loading.weights, logger)
        let signals = TerminationSignals()
        let reloading = ReloadSignal()
        // Whoever stops reading a log does not end the server.
        signal(SIGPIPE, SIG_IGN)
        let server: Server
        do throws(ServerError) {
            server = try await Server(
                configuration, file: file, settings: settings.summary, logger: logger)
        } catch {
            throw report(error, path)
        }
        signals.beginServing()
        reloading.onSignal { Task { await server.reload() } }
        try await serve(server, signals, logger, grace: configuration.gracePeriod)
        withExtendedLifetime(reloading) {}
    }

    /// Returns when the server was told to end and has; throws when it had to end by itself.
    private func serve(
        _ server: Server, _ signals: TerminationSignals, _ logger: Logger, grace: Duration
    ) async throws {
        server.onFailure { signals.post() }
        await signals.next()
        let failure = server.failure
        if let failure {
            logger.critical("\(failure)")
        } else {
            logger.info("stopping: running requests have \(Int(grace / .seconds(1))) s")
        }
        Task {
            await signals.next()
            logger.info("stopping now")
            await server.shutdown()
        }
        await server.shutdown()
        logger.info("stopped")
        if failure != nil { throw ExitStatus.inputFailed }
    }

    private func report(_ error: ServerError, _ path: String) -> ExitCode {
        switch error {
        case .model(let error): return failure(path, error)
        case .configuration(let message), .listening(let message):
            printError(message)
            return ExitStatus.badConfiguration
        }
    }
}
