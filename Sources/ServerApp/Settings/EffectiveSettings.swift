// SPDX-License-Identifier: Apache-2.0

internal import Configuration

/// What the server is told, all layers together: flags over environment over configuration file over defaults.
package struct EffectiveSettings: Sendable {
    /// A setting as it is in force.
    package struct Entry: Sendable {
        package let setting: Setting
        /// nil where it has none and needs none.
        package let value: SettingValue?
        package let origin: SettingOrigin

        /// "port  8080  config/apus.yaml".
        package var line: String {
            let value = value.map { "\($0)" } ?? "-"
            return
                "\(Self.padded(setting.key, 25)) \(Self.padded(value, 24)) \(origin.place(of: setting))"
        }

        private static func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
    }

    /// The file that is read where no other is named.
    package static let standardPath = "config/apus.yaml"
    /// Variables that are not settings: the configuration file's path, and the one key that may be in the
    /// environment.
    private static let pathVariable = "APUS_CONFIG"
    private static let keyVariable = "APUS_API_KEY"

    /// The file that says what a server does that is told nothing; each key with its help.
    package static var standardFile: String { SettingsFile.standard }

    package let configuration: ServerConfiguration
    /// In the order of `Setting.all`.
    package let entries: [Entry]
    /// The configuration file that was read.
    package let path: String?

    /// Reads all layers. `flags` are those that were given, by key. `path` is the file that was named there;
    /// without it `APUS_CONFIG` names it, else it is `config/apus.yaml` if that is there.
    ///
    /// - Throws: the first `SettingError`.
    package init(
        flags: [String: SettingValue], path: String?, environment: [String: String]
    ) throws(SettingError) {
        try Self.checkVariables(environment)
        let named = path ?? environment[Self.pathVariable]
        let file = try SettingsFile(path: named ?? Self.standardPath, mustExist: named != nil)
        self.path = file?.path
        let layers = Self.layers(flags, environment, file)
        var configuration = ServerConfiguration()
        var entries: [Entry] = []
        for setting in Setting.all {
            let (value, origin) = try Self.find(setting, in: layers)
            if let value {
                guard setting.apply(value, to: &configuration) else {
                    throw .unsuitable(
                        key: setting.key, place: origin.place(of: setting),
                        wanted: setting.wanted, found: "\(value)")
                }
            }
            entries.append(
                Entry(setting: setting, value: setting.value(configuration), origin: origin))
        }
        configuration.network.apiKey = environment[Self.keyVariable]
        if let contradiction = configuration.contradiction { throw .contradiction(contradiction) }
        self.configuration = configuration
        self.entries = entries
    }

    private typealias Layer = (origin: SettingOrigin, snapshot: any ConfigSnapshot)

    private static func layers(
        _ flags: [String: SettingValue], _ environment: [String: String], _ file: SettingsFile?
    ) -> [Layer] {
        let values = flags.map {
            (AbsoluteConfigKey([$0.key]), ConfigValue($0.value.content, isSecret: false))
        }
        let given = InMemoryProvider(
            name: "command line", values: Dictionary(uniqueKeysWithValues: values))
        let variables = EnvironmentVariablesProvider(environmentVariables: environment)
            .prefixKeys(with: "apus")
        var layers: [Layer] = [
            (.commandLine, given.snapshot()), (.environment, variables.snapshot()),
        ]
        if let file, let snapshot = file.snapshot { layers.append((.file(file.path), snapshot)) }
        return layers
    }

    /// The first layer's value; nil and `.standard` where no layer has one.
    private static func find(
        _ setting: Setting, in layers: [Layer]
    ) throws(SettingError) -> (SettingValue?, SettingOrigin) {
        let key = AbsoluteConfigKey([setting.key])
        for layer in layers {
            do {
                let found = try layer.snapshot.value(forKey: key, type: setting.type).value
                if let found { return (SettingValue(found.content), layer.origin) }
            } catch {
                let text = try? layer.snapshot.value(forKey: key, type: .string).value?.content
                throw .unsuitable(
                    key: setting.key, place: layer.origin.place(of: setting),
                    wanted: setting.wanted,
                    found: text.flatMap { SettingValue($0) }.map { "\($0)" })
            }
        }
        return (nil, .standard)
    }

    private static func checkVariables(_ environment: [String: String]) throws(SettingError) {
        let known = Set(Setting.all.map(\.variable) + [pathVariable, keyVariable])
        let unknown = environment.keys.filter { $0.hasPrefix("APUS_") && !known.contains($0) }
        if let name = unknown.min() { throw .unknownVariable(name) }
    }
}

extension EffectiveSettings {
    /// What is not as it would be by default, for the log: "port 80 (APUS_PORT), parallel 8 (--parallel)".
    package var summary: String {
        let changed = entries.filter { $0.value != $0.setting.standard }
        let texts = changed.map { entry in
            "\(entry.setting.key) \(entry.value.map { "\($0)" } ?? "-") "
                + "(\(entry.origin.place(of: entry.setting)))"
        }
        let source = path.map { "settings of \($0)" } ?? "settings, no file"
        return "\(source): \(texts.isEmpty ? "all as by default" : texts.joined(separator: ", "))"
    }

    /// Every setting with its value and where it is from, a line each.
    package var report: String {
        let key =
            configuration.network.apiKey == nil ? [] : ["api-key: in the environment, not shown"]
        return (entries.map(\.line) + key).joined(separator: "\n")
    }
}
