// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import Foundation
internal import Yams

/// The configuration file: YAML, one key a line, the keys of `Setting`.
struct SettingsFile {
    let path: String
    /// Its values; nil where it holds none.
    let snapshot: (any ConfigSnapshot)?

    private static let maxBytes = 1 << 20

    /// Reads a file; nil where there is none and none was asked for.
    /// - Throws: `SettingError` for what cannot be read, and for keys that are unknown, empty or nested.
    init?(path: String, mustExist: Bool) throws(SettingError) {
        guard mustExist || FileManager.default.fileExists(atPath: path) else { return nil }
        let text = try Self.text(path)
        self.path = path
        guard try Self.hasSettings(text, path) else {
            snapshot = nil
            return
        }
        do {
            snapshot = try YAMLSnapshot(
                data: Array(text.utf8).span.bytes, providerName: path, parsingOptions: .default)
        } catch { throw .file(path: path, "\(error)") }
    }

    private static func text(_ path: String) throws(SettingError) -> String {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw .file(path: path, "the file is absent or unreadable")
        }
        defer { try? file.close() }
        guard let data = try? file.read(upToCount: maxBytes + 1) ?? Data(),
            data.count <= maxBytes, let text = String(data: data, encoding: .utf8)
        else { throw .file(path: path, "wanted up to 1 MiB of UTF-8 text") }
        return text
    }

    /// Whether there is any. Checks every key: the library reads those it is asked for, and leaves others be.
    private static func hasSettings(_ text: String, _ path: String) throws(SettingError) -> Bool {
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch { throw .file(path: path, "\(error)") }
        guard let root, root.null == nil else { return false }
        guard let mapping = root.mapping else {
            throw .file(path: path, "wanted a mapping of keys to values")
        }
        let settings = Dictionary(uniqueKeysWithValues: Setting.all.map { ($0.key, $0) })
        for (node, value) in mapping {
            let key = node.string ?? "\(node)"
            guard let setting = settings[key] else { throw .unknownKey(key, path: path) }
            let found = value.null != nil ? "nothing" : value.mapping != nil ? "a mapping" : nil
            if let found {
                throw .unsuitable(key: key, place: path, wanted: setting.wanted, found: found)
            }
        }
        return true
    }

    /// The file that says what a server does that is told nothing; each key with its help.
    static var standard: String {
        var lines = [
            "# What `apus serve` can be told, with the defaults. Flags (--max-waiting) have precedence over the",
            "# environment (APUS_MAX_WAITING), and that over this file. A commented key has no default.",
            "# `apus config` prints what is in force, and where from.",
        ]
        for section in Setting.sections {
            lines += ["", "## \(section.title)"]
            for setting in section.settings {
                lines += [""] + wrapped(setting.help).map { "# \($0)" }
                lines.append(
                    setting.standard.map { "\(setting.key): \($0)" }
                        ?? "#\(setting.key): \(setting.wanted)")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Breaks a sentence into lines of up to 100 characters.
    private static func wrapped(_ text: String) -> [String] {
        text.split(separator: " ").reduce(into: []) { lines, word in
            if let last = lines.last, last.count + word.count < 100 {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(String(word))
            }
        }
    }
}
