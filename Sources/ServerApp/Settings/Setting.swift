// SPDX-License-Identifier: Apache-2.0

internal import Configuration

/// One thing that `apus serve` can be told: by a flag, the environment or the configuration file.
package struct Setting: Sendable {
    /// What values there are.
    enum Kind: Sendable, Equatable {
        case integer(ClosedRange<Int>)
        case boolean
        /// Any text; in words what it stands for.
        case text(String)
        case choice([String])
        /// Any number of texts; in words what each stands for.
        case list(String)
    }

    /// `max-waiting`: the flag is `--max-waiting`, the variable `APUS_MAX_WAITING`.
    package let key: String
    /// A sentence.
    package let help: String
    let kind: Kind
    /// What a configuration has for it; nil where nothing.
    let value: @Sendable (ServerConfiguration) -> SettingValue?
    /// Puts a value of this kind into a configuration; false where it is none that can be.
    private let put: @Sendable (inout ServerConfiguration, SettingValue) -> Bool

    init(
        _ key: String, _ kind: Kind, _ help: String,
        value: @escaping @Sendable (ServerConfiguration) -> SettingValue?,
        put: @escaping @Sendable (inout ServerConfiguration, SettingValue) -> Bool
    ) {
        self.key = key
        self.kind = kind
        self.help = help
        self.value = value
        self.put = put
    }

    /// The value without which anything is said; nil where the server finds one by itself, or needs none.
    var standard: SettingValue? { value(ServerConfiguration()) }

    /// The environment variable.
    var variable: String {
        "APUS_" + key.uppercased().replacing("-", with: "_")
    }

    /// The help, and the default.
    package var helpWithDefault: String {
        guard let standard, standard != .list([]) else { return help }
        return "\(help) Default: \(standard)."
    }

    /// What a value is to be, in words.
    var wanted: String {
        switch kind {
        case .integer(let range):
            "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .boolean: "true or false"
        case .text(let what): what
        case .choice(let names): "one of \(names.joined(separator: ", "))"
        case .list(let what): "a list, each \(what)"
        }
    }

    /// The type that providers are asked for.
    var type: ConfigType {
        switch kind {
        case .integer: .int
        case .boolean: .bool
        case .text, .choice: .string
        case .list: .stringArray
        }
    }

    /// Puts a value into a configuration; false where the setting cannot have it.
    func apply(_ value: SettingValue, to configuration: inout ServerConfiguration) -> Bool {
        if case .integer(let range) = kind {
            guard case .integer(let number) = value, range.contains(number) else { return false }
        }
        return put(&configuration, value)
    }
}

extension Setting {
    typealias Path<Value> = any WritableKeyPath<ServerConfiguration, Value> & Sendable

    init(_ key: String, _ path: Path<Int>, in range: ClosedRange<Int>, _ help: String) {
        self.init(key, .integer(range), help, value: { .integer($0[keyPath: path]) }) {
            guard case .integer(let number) = $1 else { return false }
            $0[keyPath: path] = number
            return true
        }
    }

    init(_ key: String, _ path: Path<Int?>, in range: ClosedRange<Int>, _ help: String) {
        self.init(key, .integer(range), help, value: { $0[keyPath: path].map { .integer($0) } }) {
            guard case .integer(let number) = $1 else { return false }
            $0[keyPath: path] = number
            return true
        }
    }

    init(_ key: String, _ path: Path<Bool>, _ help: String) {
        self.init(key, .boolean, help, value: { .boolean($0[keyPath: path]) }) {
            guard case .boolean(let isOn) = $1 else { return false }
            $0[keyPath: path] = isOn
            return true
        }
    }

    init(_ key: String, _ path: Path<String>, _ what: String, _ help: String) {
        self.init(key, .text(what), help, value: { .text($0[keyPath: path]) }) {
            guard case .text(let text) = $1, !text.isEmpty else { return false }
            $0[keyPath: path] = text
            return true
        }
    }

    init(_ key: String, _ path: Path<String?>, _ what: String, _ help: String) {
        self.init(key, .text(what), help, value: { $0[keyPath: path].map { .text($0) } }) {
            guard case .text(let text) = $1, !text.isEmpty else { return false }
            $0[keyPath: path] = text
            return true
        }
    }

    init<Choice>(_ key: String, _ path: Path<Choice>, _ help: String)
    where Choice: RawRepresentable<String> & CaseIterable & Sendable {
        self.init(
            key, .choice(Choice.allCases.map(\.rawValue)), help,
            value: { .text($0[keyPath: path].rawValue) }
        ) {
            guard case .text(let name) = $1, let choice = Choice(rawValue: name) else {
                return false
            }
            $0[keyPath: path] = choice
            return true
        }
    }

    /// A list of what has a spelling.
    init<Element: Sendable>(
        _ key: String, _ path: Path<[Element]>, _ what: String, _ help: String,
        spelling: @escaping @Sendable (Element) -> String,
        parse: @escaping @Sendable (String) -> Element?
    ) {
        self.init(
            key, .list(what), help, value: { .list($0[keyPath: path].map(spelling)) }
        ) {
            guard case .list(let texts) = $1 else { return false }
            let elements = texts.compactMap(parse)
            $0[keyPath: path] = elements
            return elements.count == texts.count
        }
    }
}
