// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A GGUF model file, mapped read-only: its metadata, its tensor directory and its tensors' bytes.
///
/// A model that is split over several files is opened by the first of them and is one `GGUFFile`.
///
/// Everything that the file claims is checked before it is used, so that a damaged or hostile file
/// is an error and never a crash. Any thread may read it.
package final class GGUFFile: Sendable {
    /// The path as it was given.
    package let path: String
    /// The file's name without folders, without `.gguf` and without the number of a part.
    package let name: String
    /// Files that the model is split over; 1 where it is not.
    package let partCount: Int
    /// Bytes of all files.
    package let byteCount: Int
    /// The format's version: 2 or 3. This and the alignment are those of the first file.
    package let version: UInt32
    /// The step in which tensors are placed, a power of two.
    package let alignment: Int
    /// The metadata by key, overrides in place of what the file has.
    package let metadata: [String: MetadataValue]
    /// The keys of the metadata in file order, then those that overrides add.
    package let metadataKeys: [String]
    /// The tensor directory in file order, part after part.
    package let tensors: [TensorDescription]

    private let tensorIndices: [String: Int]
    private let mappings: [FileMapping]

    /// Maps the file and its other parts and reads their headers; the tensors stay on disk until they are touched.
    /// - Throws: `ModelFileError` saying what was wanted, what was found, and where.
    package init(
        path: String, overrides: [MetadataOverride] = []
    ) throws(ModelFileError) {
        let parts = try GGUFParts(path: path)
        self.path = path
        name = parts.prefix.split(separator: "/").last.map { String($0) } ?? ""
        mappings = parts.mappings
        partCount = parts.mappings.count
        byteCount = parts.mappings.reduce(0) { $0 + $1.byteCount }  // all are mapped, so it fits
        version = parts.header.version
        alignment = parts.header.alignment
        let changes = Dictionary(
            overrides.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
        metadata = parts.header.metadata.merging(changes) { $1 }
        metadataKeys =
            parts.header.keys
            + overrides.map(\.key).filter { parts.header.metadata[$0] == nil }
        tensors = parts.tensors
        tensorIndices = parts.tensorIndices
        if let damage { throw damage }
    }

    /// What has become of a file while it was in use, where that makes what is read wrong: `.damaged`. Asking
    /// takes a system call for each part.
    package var damage: ModelFileError? {
        for mapping in mappings {
            if let damage = mapping.damage { return damage }
        }
        return nil
    }

    /// The directory entry of the tensor with exactly this name.
    package func tensor(_ name: String) -> TensorDescription? {
        tensorIndices[name].map { tensors[$0] }
    }

    /// The bytes of one of this file's tensors, in the mapping: valid while the `GGUFFile` lives.
    package func bytes(of tensor: TensorDescription) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: mapping(of: tensor).bytes[tensor.byteRange])
    }

    /// Asks the system to read ahead: everything is about to be read once, front to back.
    package func willNeedSequential() {
        for mapping in mappings {
            mapping.advise(MADV_SEQUENTIAL, range: 0..<mapping.byteCount)
            mapping.advise(MADV_WILLNEED, range: 0..<mapping.byteCount)
        }
    }

    /// Gives the memory of a tensor, or of some of its rows, back to the system; reading it again brings it
    /// from disk again.
    package func discardPages(of tensor: TensorDescription, rows: Range<Int>? = nil) {
        let rows = rows ?? 0..<tensor.rowCount
        precondition(rows.upperBound <= tensor.rowCount, "rows of another tensor")
        let start = tensor.byteRange.lowerBound
        mapping(of: tensor).advise(
            MADV_DONTNEED,
            range: start + rows.lowerBound * tensor.rowBytes..<start + rows.upperBound
                * tensor.rowBytes)
    }

    private func mapping(of tensor: TensorDescription) -> FileMapping {
        precondition(
            tensor.part < partCount
                && tensor.byteRange.upperBound <= mappings[tensor.part].byteCount,
            "a tensor of another file")
        return mappings[tensor.part]
    }
}
