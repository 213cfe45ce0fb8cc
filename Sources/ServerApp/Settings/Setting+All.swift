// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import ModelFile
internal import OpenAIAPI

extension Setting {
    /// Settings about one thing, as the configuration file and `apus config` list them.
    struct Section: Sendable {
        let title: String
        let settings: [Setting]
    }

    /// Every setting.
    package static let all = sections.flatMap(\.settings)

    /// The setting of this name; there must be one.
    package static func named(_ key: String) -> Setting {
        guard let setting = all.first(where: { $0.key == key }) else {
            preconditionFailure("no setting is called \(key)")
        }
        return setting
    }

    static let sections = [
        Section(title: "The model", settings: model), Section(title: "Clients", settings: clients),
        Section(title: "The machine", settings: machine),
        Section(title: "Scheduling", settings: scheduling),
    ]

    private static let model: [Setting] = [
        Setting(
            "model", \.modelPath, "the path of a GGUF file",
            "The model, a GGUF file; of a split one the first part."),
        Setting(
            "model-name", \.modelName, "a name", "The id of the model; without it the file's name."),
        Setting(
            "override-kv", \.metadataOverrides, "key=type:value",
            "Metadata values in place of the file's, as key=type:value; types are int, float, bool, str.",
            spelling: { $0.text }, parse: { MetadataOverride($0) }),
        Setting(
            "chat-template", \.chatTemplateName, "a name",
            "Which of the model's chat templates to use; without it its default one."),
        Setting(
            "chat-template-file", \.chatTemplatePath, "the path of a file",
            "A file with the chat template to use in place of the model's."),
        Setting(
            "context-length", \.contextLength, in: 1...(1 << 27),
            "Longest prompt and answer together, in tokens; without it the model's."),
        Setting(
            "weights", \.loading.weights,
            "packed: in memory, as the kernels read them; mapped: left in the file, slower, for models "
                + "larger than memory; auto: packed where they fit."),
        Setting(
            "kv-type", \.kvType,
            "How keys and values are kept: q8 in half the memory of bf16. With both attention is computed "
                + "in bf16."),
    ]

    private static let clients: [Setting] = [
        Setting("host", \.network.host, "an address", "The address to listen on."),
        Setting("port", \.network.portNumber, in: 0...65535, "The port; 0 lets the system choose."),
        Setting(
            "unix-socket", \.network.unixSocket, "the path of a socket",
            "Listen on this Unix socket in place of a port."),
        Setting(
            "unix-socket-mode", .text("an octal number from 0 to 777"),
            "Who may connect to the Unix socket, as chmod takes it.",
            value: { .text(String($0.network.unixSocketMode, radix: 8)) },
            put: {
                guard case .text(let text) = $1, let mode = UInt32(text, radix: 8), mode <= 0o777
                else { return false }
                $0.network.unixSocketMode = mode
                return true
            }),
        Setting(
            "tls-certificate", \.network.tlsCertificate, "the path of a PEM file",
            "Serve HTTPS with this certificate, a PEM file with its issuers after it."),
        Setting(
            "tls-key", \.network.tlsKey, "the path of a PEM file",
            "The certificate's private key, PEM."),
        Setting(
            "tls-client-ca", \.network.tlsClientAuthorities, "the path of a PEM file",
            "Demand client certificates from these authorities, PEM."),
        Setting(
            "api-key-file", \.network.apiKeyFile, "the path of a file",
            "Demand one of the API keys in this file: name:key, one a line. A single key can be in the "
                + "environment, as APUS_API_KEY."),
        Setting(
            "key-requests-per-minute", \.network.maxRequestsPerMinute, in: 1...1_000_000_000,
            "Requests a minute of an API key without a limit of its own; more get 429."),
        Setting(
            "key-concurrent-requests", \.network.maxConcurrentRequests, in: 1...1_000_000_000,
            "Requests at the same time of an API key without a limit of its own; more get 429."),
        Setting(
            "public-metrics", \.network.metricsArePublic, "Answer /metrics without an API key."),
        Setting(
            "vllm-metrics", \.network.exportsVLLMNames,
            "Give /metrics a second time under vLLM's names, for gateways and boards that read those."
        ),
        Setting(
            "cors-allow-origin", \.network.corsOrigins, "an origin",
            "Let scripts of pages from these origins, or * for all, read answers.",
            spelling: { $0 }, parse: { $0 }),
        Setting(
            "access-log", \.network.accessLog, "A line for each request on standard output."),
        Setting("unknown-fields", \.unknownFields, "What becomes of unknown request fields."),
        Setting(
            "grace", \.graceSeconds, in: 0...86400,
            "Seconds that running requests get after SIGTERM."),
    ]

    private static let machine: [Setting] = [
        Setting(
            "threads", \.threadCount, in: 1...1024,
            "Threads; without it what affinity and CPU quota let the process use."),
        Setting(
            "memory", \.memoryMebibytes, in: 1...(1 << 24),
            "MiB of memory to take at most; without it what machine and cgroup have left."),
        Setting(
            "kv-mib", \.kvMebibytes, in: 1...(1 << 24),
            "MiB of the pool of keys and values; without it what sequences can use, at most half of what "
                + "is left."),
    ]

    private static let scheduling: [Setting] = [
        Setting(
            "parallel", \.parallelCount, in: 1...4096, "Sequences that generate at the same time."),
        Setting(
            "prefix-cache", \.keepsPrefixes,
            "Keep computed prefixes for requests that begin alike, as far as there is room."),
        Setting(
            "max-waiting", \.maxWaitingCount, in: 1...100_000,
            "Choices that wait at most; more get 429."),
        Setting(
            "max-wait", \.maxWaitSeconds, in: 1...86400,
            "Seconds that a request waits at most until it begins, by the rate at which others do; one that "
                + "would wait longer, or has, gets 429."),
        Setting(
            "max-waiting-tokens", \.maxWaitingTokenCount, in: 1...(1 << 30),
            "Prompt tokens that wait at most; more get 429. Without it 4096 for each choice that may."
        ),
        Setting(
            "step-tokens", \.stepTokenCount, in: 1...65536, "Tokens that one step computes at most."
        ),
        Setting(
            "prefill-tokens", \.prefillTokenCountWhileDecoding, in: 1...65536,
            "Prompt tokens that one step computes beside running decodes at most."),
        Setting(
            "max-step-time", \.maxStepMilliseconds, in: 1...60_000,
            "Milliseconds in which a step with decodes is to end: prompts have the time they leave."
        ),
        Setting(
            "speculation", \.speculates,
            "Guess tokens and compute them ahead where that pays; the output is the same."),
    ]
}

extension ServerConfiguration {
    fileprivate var graceSeconds: Int {
        get { Int(gracePeriod / .seconds(1)) }
        set { gracePeriod = .seconds(newValue) }
    }

    fileprivate var maxWaitSeconds: Int {
        get { Int(maxWait / .seconds(1)) }
        set { maxWait = .seconds(newValue) }
    }

    fileprivate var maxStepMilliseconds: Int {
        get { Int(maxStepTime / .milliseconds(1)) }
        set { maxStepTime = .milliseconds(newValue) }
    }

    fileprivate var kvMebibytes: Int? {
        get { kvBytes.map { $0 >> 20 } }
        set { kvBytes = newValue.map { $0 << 20 } }
    }

    fileprivate var memoryMebibytes: Int? {
        get { memoryBytes.map { $0 >> 20 } }
        set { memoryBytes = newValue.map { $0 << 20 } }
    }
}

extension NetworkConfiguration {
    fileprivate var portNumber: Int {
        get { Int(port) }
        set { port = UInt16(clamping: newValue) }
    }
}
