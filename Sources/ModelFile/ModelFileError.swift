// SPDX-License-Identifier: Apache-2.0

/// Why a model file cannot be used: what was wanted, what was found, and where.
package enum ModelFileError: Error, Equatable {
    /// No file has this path.
    case missing(path: String)
    /// The file is there, but the system refuses to open or map it.
    case unreadable(path: String, reason: String)
    /// The path names a directory, a device, a pipe or a socket.
    case notRegularFile(path: String)
    /// The file has no bytes at all.
    case empty(path: String)
    /// The bytes break the format at an offset from the start of the file.
    case malformed(path: String, offset: Int, GGUFDefect)
    /// A metadata key that the caller needs is not in the file.
    case missingKey(path: String, key: String, wanted: String)
    /// A metadata value has another type, length or range than the caller needs.
    case unsuitableValue(path: String, key: String, wanted: String, found: String)

    /// True when the input was not there to read (exit status 66), false when it was bad (78).
    package var isMissingInput: Bool {
        switch self {
        case .missing, .unreadable: true
        default: false
        }
    }
}

extension ModelFileError: CustomStringConvertible {
    /// One line that starts with the path.
    package var description: String {
        switch self {
        case .missing(let path):
            "\(quoted(path)): no such file"
        case .unreadable(let path, let reason):
            "\(quoted(path)): cannot be read: \(reason)"
        case .notRegularFile(let path):
            "\(quoted(path)): wanted a regular file, found a directory or device"
        case .empty(let path):
            "\(quoted(path)): wanted a GGUF file, found an empty one"
        case .malformed(let path, let offset, let defect):
            "\(quoted(path)): at byte \(offset): \(defect)"
        case .missingKey(let path, let key, let wanted):
            "\(quoted(path)): key \(quoted(key)): wanted \(wanted), found no such key"
        case .unsuitableValue(let path, let key, let wanted, let found):
            "\(quoted(path)): key \(quoted(key)): wanted \(wanted), found \(found)"
        }
    }
}

/// Text from a file or a command line, safe to print on one line: escaped, and cut when long.
func quoted(_ text: String) -> String {
    let maxCharacterCount = 200
    let scalars = text.unicodeScalars
    let shown = scalars.prefix(maxCharacterCount).map { scalar in
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: scalar.escaped(asASCII: true)
        default: String(scalar)
        }
    }
    let isCut = scalars.dropFirst(maxCharacterCount).isEmpty == false
    return "'" + shown.joined() + (isCut ? "…'" : "'")
}
