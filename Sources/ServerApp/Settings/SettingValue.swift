// SPDX-License-Identifier: Apache-2.0

internal import Configuration

/// What a setting can be.
package enum SettingValue: Sendable, Equatable {
    case integer(Int)
    case boolean(Bool)
    case text(String)
    case list([String])
}

extension SettingValue: CustomStringConvertible {
    /// As the configuration file has it.
    package var description: String {
        switch self {
        case .integer(let value): "\(value)"
        case .boolean(let value): "\(value)"
        case .text(let value): Self.scalar(value)
        case .list(let values): "[\(values.map(Self.scalar).joined(separator: ", "))]"
        }
    }

    /// Plain where YAML reads it back as the same text, else in single quotes.
    private static func scalar(_ text: String) -> String {
        let isPlain =
            text.first?.isLetter == true && !text.contains(": ") && !text.contains(" #")
            && text.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || "./_- ".contains($0))
            }
            && !["true", "false", "yes", "no", "on", "off", "null"].contains(text.lowercased())
        return isPlain ? text : "'\(text.replacing("'", with: "''"))'"
    }
}

extension SettingValue {
    var content: ConfigContent {
        switch self {
        case .integer(let value): .int(value)
        case .boolean(let value): .bool(value)
        case .text(let value): .string(value)
        case .list(let values): .stringArray(values)
        }
    }

    init?(_ content: ConfigContent) {
        switch content {
        case .int(let value): self = .integer(value)
        case .bool(let value): self = .boolean(value)
        case .string(let value): self = .text(value)
        case .stringArray(let values): self = .list(values)
        default: return nil
        }
    }
}
