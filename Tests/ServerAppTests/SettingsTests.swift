// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ServerApp

/// Calls `body` with the path of a file that is there meanwhile.
private func withFile<Result>(_ text: String, _ body: (String) throws -> Result) throws -> Result {
    let path = FileManager.default.temporaryDirectory
        .appending(path: "apus-settings-\(UUID().uuidString).yaml").path
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
}

@Suite struct SettingsTests {
    private func settings(
        flags: [String: SettingValue] = [:], file: String? = nil,
        environment: [String: String] = [:]
    ) throws(SettingError) -> EffectiveSettings {
        try EffectiveSettings(flags: flags, path: file, environment: environment)
    }

    private func entry(_ key: String, _ settings: EffectiveSettings) throws
        -> EffectiveSettings.Entry
    {
        try #require(settings.entries.first { $0.setting.key == key })
    }

    /// What is wrong with these layers, in words.
    private func complaint(
        flags: [String: SettingValue] = [:], file text: String = "",
        environment: [String: String] = [:]
    ) throws -> String {
        try withFile(text) { path in
            do throws(SettingError) {
                _ = try settings(flags: flags, file: path, environment: environment)
            } catch {
                return "\(error)".replacing(path, with: "FILE")
            }
            return ""
        }
    }

    @Test func `the file in config is what the code does by default`() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../config/apus.yaml").standardizedFileURL.path
        let text = try String(contentsOfFile: path, encoding: .utf8)

        #expect(
            text == EffectiveSettings.standardFile,
            "make it anew: apus config --defaults > config/apus.yaml")
        let read = try settings(file: path)
        for entry in read.entries {
            #expect(entry.value == entry.setting.standard, "\(entry.setting.key)")
            let isInFile = entry.origin == .file(path)
            #expect(isInFile == (entry.setting.standard != nil), "\(entry.setting.key)")
        }
    }

    @Test func `flags come before the environment, that before the file, that before defaults`()
        throws
    {
        let text = "port: 1\nparallel: 2\nhost: 10.0.0.1\n"
        let environment = ["APUS_PORT": "3", "APUS_PARALLEL": "4"]

        let (path, read) = try withFile(text) {
            ($0, try settings(flags: ["port": .integer(5)], file: $0, environment: environment))
        }

        #expect(read.configuration.network.port == 5)
        #expect(read.configuration.parallelCount == 4)
        #expect(read.configuration.network.host == "10.0.0.1")
        #expect(read.configuration.stepTokenCount == 512)
        #expect(try entry("port", read).origin == .commandLine)
        #expect(try entry("parallel", read).origin == .environment)
        #expect(try entry("host", read).origin == .file(path))
        #expect(try entry("step-tokens", read).origin == .standard)
        #expect(read.summary.contains("port 5 (--port), "))
        #expect(read.summary.contains("parallel 4 (APUS_PARALLEL)"))
        #expect(read.report.contains("host                      '10.0.0.1'"))
    }

    @Test func `a file can be named in the environment, and by the flag first`() throws {
        try withFile("port: 1\n") { first in
            try withFile("port: 2\n") { second in
                let environment = ["APUS_CONFIG": second]

                let bySecond = try settings(environment: environment)
                let byFirst = try settings(file: first, environment: environment)

                #expect(bySecond.configuration.network.port == 2)
                #expect(byFirst.configuration.network.port == 1)
            }
        }
    }

    /// Each kind of value, from the environment and from a file.
    @Test(arguments: [
        ("model", "/a b.gguf", "/a b.gguf"), ("context-length", "4096", "4096"),
        ("weights", "mapped", "mapped"), ("kv-type", "f16", "f16"),
        ("unix-socket-mode", "600", "'600'"), ("prefix-cache", "false", "false"),
        ("public-metrics", "true", "true"), ("memory", "2048", "2048"),
        ("cors-allow-origin", "https://a.example,https://b.example", ""),
        ("override-kv", "a.b=int:3,c=str:d", ""), ("max-step-time", "150", "150"),
        ("grace", "0", "0"), ("kv-mib", "64", "64"), ("access-log", "json", "json"),
    ])
    func `a value is the same from the environment and from a file`(
        key: String, variable: String, scalar: String
    ) throws {
        let name = Setting.named(key).variable
        let yaml = scalar.isEmpty ? "[\(variable)]" : scalar
        let fromVariable = try entry(
            key, try settings(file: "/dev/null", environment: [name: variable]))
        let fromFile = try entry(key, try withFile("\(key): \(yaml)\n") { try settings(file: $0) })

        #expect(fromVariable.value == fromFile.value)
        #expect(fromVariable.value != Setting.named(key).standard)
    }

    @Test(arguments: [
        ("max-wating: 3\n", "FILE: max-wating: there is no such setting"),
        ("api-key: secret\n", "FILE: api-key: keys are not kept here"),
        ("port: 70000\n", "FILE: port: wanted a whole number from 0 to 65535, found 70000"),
        ("port: many\n", "FILE: port: wanted a whole number from 0 to 65535, found many"),
        ("port: [1]\n", "FILE: port: wanted a whole number"),
        ("port:\n  a: 1\n", "FILE: port: wanted a whole number from 0 to 65535, found a mapping"),
        ("port:\n", "FILE: port: wanted a whole number from 0 to 65535, found nothing"),
        ("model: ~\n", "FILE: model: wanted the path of a GGUF file, found nothing"),
        ("weights: packd\n", "FILE: weights: wanted one of auto, packed, mapped, found packd"),
        ("prefix-cache: maybe\n", "FILE: prefix-cache: wanted true or false, found maybe"),
        ("unix-socket-mode: '999'\n", "FILE: unix-socket-mode: wanted an octal number"),
        ("override-kv: [a]\n", "FILE: override-kv: wanted a list, each key=type:value"),
        ("- port\n", "FILE: wanted a mapping of keys to values"),
        ("port: 1\nport: 2\n", "port"), ("port: {\n", "FILE: "),
        ("chat-template: a\nchat-template-file: b\n", "chat-template-file and chat-template"),
        ("step-tokens: 8\nparallel: 9\n", "step-tokens 8 is less than parallel 9"),
        ("tls-certificate: a\n", "tls-key is missing"),
        ("tls-client-ca: a\n", "tls-client-ca without tls-certificate"),
        ("key-requests-per-minute: 5\n", "key-requests-per-minute without api-key-file"),
        ("override-kv: ['a=int:1', 'a=int:2']\n", "override-kv gives 'a' more than once"),
        ("cors-allow-origin: [here]\n", "cors-allow-origin: wanted '*' or origins"),
    ])
    func `what is wrong with a file is said with the key's name`(
        text: String, said: String
    ) throws {
        #expect(try complaint(file: text).contains(said))
    }

    @Test(arguments: [
        (["APUS_MAX_WATING": "3"], "APUS_MAX_WATING: there is no such setting"),
        (["APUS_PORT": "tcp://10.0.0.1:80"], "APUS_PORT: wanted a whole number from 0 to 65535"),
        (["APUS_SERVICE_HOST": "10.0.0.1"], "enableServiceLinks"),
        (["APUS_WEIGHTS": ""], "APUS_WEIGHTS: wanted one of"),
    ])
    func `what is wrong with the environment is said with the variable's name`(
        environment: [String: String], said: String
    ) throws {
        #expect(try complaint(environment: environment).contains(said))
    }

    @Test func `a file that was named and is not there is an error`() throws {
        let error = #expect(throws: SettingError.self) {
            try settings(environment: ["APUS_CONFIG": "/nowhere.yaml"])
        }

        #expect("\(try #require(error))".hasPrefix("/nowhere.yaml: "))
    }

    @Test func `a flag outside its range is said with the flag's name`() throws {
        let said = try complaint(flags: ["threads": .integer(0)])

        #expect(said == "--threads: wanted a whole number from 1 to 1024, found 0")
    }

    @Test(arguments: ["", "# nothing\n", "---\n", "{}\n"])
    func `a file without settings leaves the defaults`(text: String) throws {
        let read = try withFile(text) { try settings(file: $0) }

        #expect(read.configuration.parallelCount == 32)
    }

    @Test func `a key from the environment is used and not shown`() throws {
        let read = try settings(file: "/dev/null", environment: ["APUS_API_KEY": "sk-secret"])

        #expect(read.configuration.network.apiKey == "sk-secret")
        #expect(!read.report.contains("sk-secret"))
        #expect(read.report.contains("api-key"))
    }
}
