// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import Foundation
package import HTTPServing
internal import HTTPTypes
package import Logging
package import ModelFile
internal import OpenAIAPI
internal import Scheduling
internal import Synchronization

/// The whole server: a model, an engine thread, an HTTP loop.
package final class Server: Sendable {
    /// What `/version` and `apus --version` say.
    package static let version = "0.1.0"

    /// Where it listens.
    package let address: ListenAddress
    private let http: HTTPServer
    private let service: CompletionService
    private let mailbox: EngineMailbox
    private let engineDone: DispatchSemaphore
    private let gracePeriod: Duration
    private let network: NetworkConfiguration
    private let accessLog: AccessLog?
    private let logger: Logger
    private let failing: FailureNotice
    private let isStopping = Atomic<Bool>(false)
    private let isHurried = Atomic<Bool>(false)

    /// Loads the model, reserves memory, starts the engine and listens; in this order, so that nothing
    /// is reachable before all of it works. `settings` says in the log where the configuration is from.
    package init(
        _ configuration: ServerConfiguration, file: GGUFFile, settings: String, logger: Logger
    ) async throws(ServerError) {
        let credentials = try Credentials(configuration.network)
        for warning in credentials.warnings { logger.warning("\(warning)") }
        logger.info("\(settings)")
        let processors = ProcessorCount.available()
        let threadCount = configuration.threadCount ?? processors.count
        let memory =
            configuration.memoryBytes.map { MemoryLimit.configured($0) } ?? .available()
        let plan = try Self.plan(
            configuration, file: file, threadCount: threadCount, memory: memory)
        let source = configuration.threadCount == nil ? "" : "as configured; "
        logger.info("threads: \(threadCount) (\(source)\(processors.reason))")
        logger.info("\(plan.summary)")
        let chatTemplate = try ChatTemplateSource.find(configuration, file)
        if case .absent(let reason) = chatTemplate {
            logger.warning("no chat completions: \(reason)")
        }
        let failing = FailureNotice()
        let mailbox = EngineMailbox(maxSubmissionCount: configuration.maxWaitingCount)
        let metrics = EngineMetrics()
        let name = configuration.modelName ?? file.name

        let starting = EngineStart(
            file: file, threadCount: threadCount, plan: plan, report: configuration.loading.report,
            mailbox: mailbox, metrics: metrics, processorQuota: processors.quota,
            reportFailure: failing.report)
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
            let machine = MachineMetrics(
                threadCount: threadCount, availableBytes: memory.availableBytes)
            let counters = ServerCounters()
            let connections = HTTPMetrics(counters: counters)
            let vllmModel = configuration.network.exportsVLLMNames ? name : nil
            var routes = Routes.configuration(
                service: service, routedTokens: loaded.routedTokens
            ) {
                metrics.render(vllmModel: vllmModel) + connections.render() + machine.render()
            }
            accessLog = routes.apply(configuration.network, credentials)
            http = try HTTPServer(routes, counters: counters)
            loaded.outlet.connect { @Sendable [http] outputs in
                http.execute { @Sendable server in service.deliver(outputs, on: server) }
            }
            address = try await http.listen(
                at: configuration.network.address, tls: credentials.tls)
        } catch {
            mailbox.stop()
            throw .listening("\(error)")
        }
        self.service = service
        self.mailbox = mailbox
        engineDone = loaded.done
        gracePeriod = configuration.gracePeriod
        network = configuration.network
        self.logger = logger
        self.failing = failing
        let keys = credentials.access.map { "those with one of \($0.keyring.keys.count) API keys" }
        logger.info("clients: \(keys ?? "all who can connect")")
        logger.info(
            "serving '\(name)' on \(credentials.tls == nil ? "http" : "https")://\(address)")
    }

    /// Why the server can serve no more; it is then to be shut down.
    package var failure: ServerError? { failing.error.map { .model(.file($0)) } }

    /// Has `body` called once there is a `failure`.
    package func onFailure(_ body: @escaping @Sendable () -> Void) { failing.onReport(body) }

    /// Reads certificates and API keys again, for connections and requests from now on. If one of the files
    /// cannot be used, all stay as they were.
    package func reload() async {
        guard Credentials.hasFiles(network) else {
            return logger.info("reload: there are no files to read again")
        }
        do throws(ServerError) {
            let credentials = try Credentials(network)
            if let tls = credentials.tls { await http.replaceTLS(tls) }
            if let access = credentials.access { await http.replaceAccess(access) }
            for warning in credentials.warnings { logger.warning("\(warning)") }
            logger.info("reload: the files were read again")
        } catch {
            logger.error("reload: nothing was changed: \(error)")
        }
    }

    /// Refuses new requests, lets running ones finish within the grace period, ends the engine. A second
    /// call ends the grace period.
    package func shutdown() async {
        service.drain()
        if isStopping.exchange(true, ordering: .relaxed) {
            isHurried.store(true, ordering: .relaxed)
        }
        // Until then those who still come are told so, and do not find the door closed.
        let deadline = ContinuousClock.now + gracePeriod
        while service.isBusy, !isHurried.load(ordering: .relaxed), .now < deadline {
            try? await Task.sleep(for: .milliseconds(20))
        }
        await http.shutdown(grace: max(.zero, deadline - .now))
        accessLog?.flush()
        mailbox.stop()
        engineDone.wait()
        engineDone.signal()
    }
}

/// What has become of the model's file, told by the engine's thread to whom it concerns.
private final class FailureNotice: Sendable {
    private struct State {
        var error: ModelFileError?
        var body: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    var error: ModelFileError? { state.withLock { $0.error } }

    @Sendable func report(_ error: ModelFileError) {
        let body = state.withLock { state in
            state.error = error
            return state.body
        }
        body?()
    }

    func onReport(_ body: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            state.body = body
            return state.error != nil
        }
        if isLate { body() }
    }
}
