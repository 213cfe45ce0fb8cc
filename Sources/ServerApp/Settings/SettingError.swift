// SPDX-License-Identifier: Apache-2.0

/// Where a setting's value comes from.
package enum SettingOrigin: Sendable, Equatable {
    case commandLine
    case environment
    /// The configuration file of this path.
    case file(String)
    case standard

    /// Where a person finds it: `--port`, `APUS_PORT`, the file.
    func place(of setting: Setting) -> String {
        switch self {
        case .commandLine: "--\(setting.key)"
        case .environment: setting.variable
        case .file(let path): path
        case .standard: "default"
        }
    }
}

/// What is wrong with what the server was told.
package enum SettingError: Error, Equatable {
    /// The configuration file cannot be read, or is no mapping of keys to values.
    case file(path: String, String)
    /// A key that no setting has.
    case unknownKey(String, path: String)
    /// An environment variable that no setting has.
    case unknownVariable(String)
    /// A value that a setting cannot have.
    case unsuitable(key: String, place: String, wanted: String, found: String?)
    /// Settings that exclude or need each other.
    case contradiction(String)
}

extension SettingError: CustomStringConvertible {
    /// One line that names the key.
    package var description: String {
        switch self {
        case .file(let path, let reason):
            "\(path): \(reason)"
        case .unknownKey("api-key", let path):
            "\(path): api-key: keys are not kept here; put them into an api-key-file, or one into APUS_API_KEY"
        case .unknownKey(let key, let path):
            "\(path): \(key): there is no such setting; 'apus config' lists all"
        case .unknownVariable(let name) where name.contains("_SERVICE_") || name.contains("_PORT_"):
            "\(name): there is no such setting; Kubernetes makes such variables of a Service's name: "
                + "set enableServiceLinks: false"
        case .unknownVariable(let name):
            "\(name): there is no such setting; 'apus config' lists all"
        case .unsuitable(let key, let place, let wanted, let found):
            (place.hasSuffix(key) || place.hasPrefix("APUS_") ? place : "\(place): \(key)")
                + ": wanted \(wanted)" + (found.map { ", found \($0)" } ?? "")
        case .contradiction(let message):
            message
        }
    }
}
