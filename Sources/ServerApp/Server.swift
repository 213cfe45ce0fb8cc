// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import Foundation
package import HTTPServing
internal import HTTPTypes
package import Logging
package import ModelFile
internal import OpenAIAPI
internal import Scheduling

/// The whole server: a model, an engine thread, an HTTP loop.
package final class Server: Sendable {
    /// Where it listens.
    package let address: ListenAddress
    private let http: HTTPServer
    private let service: CompletionService
    private let mailbox: EngineMailbox
    private let engineDone: DispatchSemaphore
    private let gracePeriod: Duration

    /// Loads the model, reserves memory, starts the engine and listens; in this order, so that nothing
    /// is reachable before all of it works.
    package init(
        _ configuration: ServerConfiguration, file: GGUFFile, logger: Logger
    ) async throws(ServerError) {
        let processors = ProcessorCount.available()
        let threadCount = configuration.threadCount ?? processors.count
        let plan = try Self.plan(configuration, file: file, threadCount: threadCount)
        logger.info("threads: \(threadCount) (\(processors.reason))")
        logger.info("\(plan.summary)")
        let chatTemplate = try ChatTemplateSource.find(configuration, file)
        if case .absent(let reason) = chatTemplate {
            logger.warning("no chat completions: \(reason)")
        }
        let mailbox = EngineMailbox(maxSubmissionCount: configuration.maxWaitingCount)
        let metrics = EngineMetrics()
        let name = configuration.modelName ?? file.name

        let starting = EngineStart(
            file: file, threadCount: threadCount, plan: plan, report: configuration.loading.report,
            mailbox: mailbox, metrics: metrics)
        let loaded: EngineStart.Loaded
        do { loaded = try await starting.run() } catch { throw .model(error) }
        let service = CompletionService(
            card: ModelCard(
                id: name, createdAt: Int(Date().timeIntervalSince1970), ownedBy: "apus",
                maxContextLength: plan.limits.maxSequenceLength,
                parameterCount: loaded.summary.parameterCount,
                activeParameterCount: loaded.summary.activeParameterCount,
                quantization: loaded.summary.dominantType.name),
            tokenizer: loaded.tokenizer, chatTemplate: chatTemplate,
            vocabularySize: loaded.vocabularySize,
            maxFittingLength: plan.limits.maxFittingSequenceLength, mailbox: mailbox,
            metrics: metrics, unknownFields: configuration.unknownFields)
        do {
            http = try HTTPServer(Routes.configuration(service: service, metrics: metrics))
            loaded.outlet.connect { @Sendable [http] outputs in
                http.execute { @Sendable server in service.deliver(outputs, on: server) }
            }
            address = try await http.listen(
                at: .internet(host: configuration.host, port: configuration.port))
        } catch {
            mailbox.stop()
            throw .listening("\(error)")
        }
        self.service = service
        self.mailbox = mailbox
        engineDone = loaded.done
        gracePeriod = configuration.gracePeriod
        logger.info("serving '\(name)' on http://\(address)")
    }

    /// Refuses new requests, lets running ones finish within the grace period, ends the engine. A second
    /// call ends the grace period.
    package func shutdown() async {
        service.drain()
        await http.shutdown(grace: gracePeriod)
        mailbox.stop()
        engineDone.wait()
        engineDone.signal()
    }
}
