// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Decoding
import Foundation
import ModelFile
import OpenAIAPI
import ServerApp

/// A setting's help, and its default.
private func about(
    _ key: String, _ valueName: String? = nil, isList: Bool = false
) -> ArgumentHelp {
    let help = Setting.named(key).helpWithDefault
    return ArgumentHelp(isList ? "\(help) May be repeated." : help, valueName: valueName)
}

/// The flags of `apus serve` and `apus config`: one for each setting, absent where not given, and where the
/// others are.
struct ServeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A configuration file. Default: APUS_CONFIG, or \(EffectiveSettings.standardPath) if it is there.",
            valueName: "file"))
    var config: String?

    @Option(name: [.customShort("m"), .customLong("model")], help: about("model", "file"))
    var model: String?

    @Option(help: about("model-name", "name")) var modelName: String?
    @OptionGroup var metadata: MetadataOptions
    @Option(help: about("chat-template", "name")) var chatTemplate: String?
    @Option(help: about("chat-template-file", "file")) var chatTemplateFile: String?
    @Option(help: about("context-length")) var contextLength: Int?
    @Option(help: about("weights")) var weights: WeightChoice?
    @Option(help: about("kv-type")) var kvType: KVType?

    @Option(help: about("host")) var host: String?
    @Option(help: about("port")) var port: Int?
    @Option(help: about("unix-socket", "path")) var unixSocket: String?
    @Option(help: about("unix-socket-mode", "mode")) var unixSocketMode: String?
    @Option(help: about("tls-certificate", "file")) var tlsCertificate: String?
    @Option(help: about("tls-key", "file")) var tlsKey: String?
    @Option(help: about("tls-client-ca", "file")) var tlsClientCa: String?
    @Option(help: about("api-key-file", "file")) var apiKeyFile: String?
    @Option(help: about("key-requests-per-minute")) var keyRequestsPerMinute: Int?
    @Option(help: about("key-concurrent-requests")) var keyConcurrentRequests: Int?
    @Flag(inversion: .prefixedNo, help: about("public-metrics")) var publicMetrics: Bool?
    @Flag(inversion: .prefixedNo, help: about("vllm-metrics")) var vllmMetrics: Bool?
    @Option(help: about("cors-allow-origin", "origin", isList: true))
    var corsAllowOrigin: [String] = []
    @Option(help: about("access-log")) var accessLog: AccessLogFormat?
    @Option(help: about("unknown-fields")) var unknownFields: UnknownFieldPolicy?
    @Option(help: about("grace", "seconds")) var grace: Int?

    @Option(name: .shortAndLong, help: about("threads")) var threads: Int?
    @Option(help: about("memory", "MiB")) var memory: Int?
    @Option(help: about("kv-mib", "MiB")) var kvMib: Int?

    @Option(help: about("parallel")) var parallel: Int?
    @Flag(inversion: .prefixedNo, help: about("prefix-cache")) var prefixCache: Bool?
    @Option(help: about("max-waiting")) var maxWaiting: Int?
    @Option(help: about("max-wait")) var maxWait: Int?
    @Option(help: about("max-waiting-tokens")) var maxWaitingTokens: Int?
    @Option(help: about("step-tokens")) var stepTokens: Int?
    @Option(help: about("prefill-tokens")) var prefillTokens: Int?
    @Option(help: about("max-step-time", "milliseconds")) var maxStepTime: Int?
    @Flag(inversion: .prefixedNo, help: about("speculation")) var speculation: Bool?

    /// The flags that were given, by setting.
    private var given: [String: SettingValue] {
        let texts = [
            "model": model, "model-name": modelName, "chat-template": chatTemplate,
            "chat-template-file": chatTemplateFile, "weights": weights?.rawValue,
            "kv-type": kvType?.rawValue, "host": host, "unix-socket": unixSocket,
            "unix-socket-mode": unixSocketMode, "tls-certificate": tlsCertificate,
            "tls-key": tlsKey, "tls-client-ca": tlsClientCa, "api-key-file": apiKeyFile,
            "access-log": accessLog?.rawValue, "unknown-fields": unknownFields?.rawValue,
        ]
        let numbers = [
            "context-length": contextLength, "port": port,
            "key-requests-per-minute": keyRequestsPerMinute,
            "key-concurrent-requests": keyConcurrentRequests, "grace": grace, "threads": threads,
            "memory": memory, "kv-mib": kvMib, "parallel": parallel, "max-waiting": maxWaiting,
            "max-wait": maxWait, "max-waiting-tokens": maxWaitingTokens,
            "step-tokens": stepTokens, "prefill-tokens": prefillTokens,
            "max-step-time": maxStepTime,
        ]
        let switches = [
            "public-metrics": publicMetrics, "vllm-metrics": vllmMetrics,
            "prefix-cache": prefixCache, "speculation": speculation,
        ]
        let lists = [
            "override-kv": metadata.overrides.map(\.text), "cors-allow-origin": corsAllowOrigin,
        ]
        var given: [String: SettingValue] = [:]
        for (key, text) in texts { given[key] = text.map { .text($0) } }
        for (key, number) in numbers { given[key] = number.map { .integer($0) } }
        for (key, isOn) in switches { given[key] = isOn.map { .boolean($0) } }
        for (key, list) in lists where !list.isEmpty { given[key] = .list(list) }
        return given
    }

    /// All layers together; what is wrong ends the command.
    func settings() throws -> EffectiveSettings { try readSettings(flags: given, path: config) }
}

/// All layers together, or one line on standard error and the end: 64 for a flag, 78 for what else is wrong.
func readSettings(flags: [String: SettingValue], path: String?) throws -> EffectiveSettings {
    do throws(SettingError) {
        return try EffectiveSettings(
            flags: flags, path: path, environment: ProcessInfo.processInfo.environment)
    } catch {
        if case .unsuitable(_, let place, _, _) = error, place.hasPrefix("--") {
            throw ValidationError("\(error)")
        }
        printError("\(error)")
        throw ExitStatus.badConfiguration
    }
}

extension AccessLogFormat: ExpressibleByArgument {}
extension UnknownFieldPolicy: ExpressibleByArgument {}
