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
    /// The file was changed, or became unreadable, while it was in use.
    case damaged(path: String, reason: String)
    /// A later file of a split model is not there; numbered from 1.
    case missingPart(path: String, number: Int, count: Int)
    /// A file of a split model does not fit the others.
    case unsuitablePart(path: String, wanted: String, found: String)
    /// A metadata key that the caller needs is not in the file.
    case missingKey(path: String, key: String, wanted: String)
    /// A metadata value has another type, length or range than the caller needs.
    case unsuitableValue(path: String, key: String, wanted: String, found: String)

    /// True when the input was not there to read (exit status 66), false when it was bad (78).
    package var isMissingInput: Bool {
        switch self {
        case .missing, .unreadable, .missingPart: true
        default: false
        }
    }
}

extension ModelFileError: CustomStringConvertible {
    /// One line that starts with the path.
    package var description: String {
        switch self {
        case .missing(let path):
            "\(path.quoted): no such file"
        case .unreadable(let path, let reason):
            "\(path.quoted): cannot be read: \(reason)"
        case .notRegularFile(let path):
            "\(path.quoted): wanted a regular file, found a directory or device"
        case .empty(let path):
            "\(path.quoted): wanted a GGUF file, found an empty one"
        case .malformed(let path, let offset, let defect):
            "\(path.quoted): at byte \(offset): \(defect)"
        case .damaged(let path, let reason):
            "\(path.quoted): the file changed while it was in use: \(reason)"
        case .missingPart(let path, let number, let count):
            "\(path.quoted): no such file; wanted as part \(number) of \(count) of a split model"
        case .unsuitablePart(let path, let wanted, let found):
            "\(path.quoted): wanted \(wanted), found \(found)"
        case .missingKey(let path, let key, let wanted):
            "\(path.quoted): key \(key.quoted): wanted \(wanted), found no such key"
        case .unsuitableValue(let path, let key, let wanted, let found):
            "\(path.quoted): key \(key.quoted): wanted \(wanted), found \(found)"
        }
    }
}
