// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A `.npz` file: arrays by name, as `numpy.savez` and `numpy.savez_compressed` write them.
package struct NumPyArchive: Sendable {
    /// The path as it was given.
    package let path: String
    /// The names of the arrays in the order of the archive.
    package let names: [String]

    private let archive: ZipArchive

    /// Bytes of the whole file; archives beyond 4 GiB have another layout anyway.
    static let maxFileBytes = 1 << 30

    /// Reads the file and its directory; arrays are unpacked when they are asked for.
    /// - Throws: `NumPyError` when the file cannot be read or is no archive.
    package init(path: String) throws(NumPyError) {
        let bytes = try NumPyArchive.fileBytes(path)
        do throws(NumPyDefect) {
            archive = try ZipArchive(bytes)
        } catch {
            throw .badArchive(path: path, wanted: error.wanted, found: error.found)
        }
        self.path = path
        names = archive.names.filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(4)) }
    }

    /// The array that was saved under this name.
    /// - Throws: `NumPyError` when there is none, or its bytes are damaged or of an unknown type.
    package func array(_ name: String) throws(NumPyError) -> NumPyArray {
        do throws(NumPyDefect) {
            if let bytes = try archive.contents(of: name + ".npy") {
                return try NumPyArray(bytes, path: path, name: name)
            }
        } catch {
            throw .badArray(path: path, name: name, wanted: error.wanted, found: error.found)
        }
        throw .missingArray(path: path, name: name, present: names)
    }

    private static func fileBytes(_ path: String) throws(NumPyError) -> [UInt8] {
        let url = URL(filePath: path).resolvingSymlinksInPath()
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: url.path)
            guard attributes[.type] as? FileAttributeType == .typeRegular else {
                throw NumPyError.unreadable(path: path, reason: "not a regular file")
            }
            let byteCount = attributes[.size] as? Int ?? 0
            guard byteCount <= maxFileBytes else {
                throw NumPyError.badArchive(
                    path: path, wanted: "at most \(maxFileBytes) bytes", found: "\(byteCount)")
            }
            return Array(try Data(contentsOf: url))
        } catch let error as NumPyError {
            throw error
        } catch {
            throw .unreadable(path: path, reason: "no such file, or no permission to read it")
        }
    }
}
