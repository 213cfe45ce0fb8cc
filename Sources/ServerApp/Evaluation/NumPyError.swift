// SPDX-License-Identifier: Apache-2.0

import ModelFile

/// Why a NumPy archive cannot be used: what was wanted and what was found.
package enum NumPyError: Error, Equatable {
    /// The file is absent, unreadable or not a regular file.
    case unreadable(path: String, reason: String)
    /// The file is no zip archive of the plain kind that NumPy writes.
    case badArchive(path: String, wanted: String, found: String)
    /// An array asked for is not in the archive.
    case missingArray(path: String, name: String, present: [String])
    /// An array's bytes are not what its headers say, or are beyond a limit.
    case badArray(path: String, name: String, wanted: String, found: String)

    /// True when the input was not there to read (exit status 66), false when it was bad (78).
    package var isMissingInput: Bool {
        if case .unreadable = self { true } else { false }
    }
}

extension NumPyError: CustomStringConvertible {
    /// One line that starts with the path.
    package var description: String {
        switch self {
        case .unreadable(let path, let reason):
            "\(path.quoted): cannot be read: \(reason)"
        case .badArchive(let path, let wanted, let found):
            "\(path.quoted): wanted \(wanted), found \(found)"
        case .missingArray(let path, let name, let present):
            "\(path.quoted): wanted an array \(name.quoted), found \(listed(present))"
        case .badArray(let path, let name, let wanted, let found):
            "\(path.quoted): array \(name.quoted): wanted \(wanted), found \(found)"
        }
    }
}

/// The first names of a list that may be long.
private func listed(_ names: [String]) -> String {
    names.isEmpty ? "none" : names.prefix(20).map(\.quoted).joined(separator: ", ")
}

/// A defect before anyone knows which file, and which array in it, has it.
struct NumPyDefect: Error, Equatable {
    let wanted: String
    let found: String
}
