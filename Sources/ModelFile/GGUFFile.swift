// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A GGUF model file, mapped read-only: its metadata, its tensor directory and its tensors' bytes.
///
/// Everything that the file claims is checked before it is used, so that a damaged or hostile file
/// is an error and never a crash. Any thread may read it.
package final class GGUFFile: Sendable {
    /// The path as it was given.
    package let path: String
    /// Bytes of the whole file.
    package let byteCount: Int
    /// The format's version: 2 or 3.
    package let version: UInt32
    /// The step in which tensors are placed, a power of two.
    package let alignment: Int
    /// The metadata by key.
    package let metadata: [String: MetadataValue]
    /// The keys of the metadata in file order.
    package let metadataKeys: [String]
    /// The tensor directory in file order.
    package let tensors: [TensorDescription]

    private let tensorIndices: [String: Int]
    private let mapping: FileMapping

    /// Maps the file and reads its header; the tensors stay on disk until they are touched.
    /// - Throws: `ModelFileError` saying what was wanted, what was found, and where.
    package init(path: String) throws(ModelFileError) {
        let mapping = try FileMapping(path: path)
        let header = try GGUFHeader(bytes: mapping.bytes, path: path)
        self.path = path
        self.mapping = mapping
        byteCount = mapping.byteCount
        version = header.version
        alignment = header.alignment
        metadata = header.metadata
        metadataKeys = header.keys
        tensors = header.tensors
        tensorIndices = header.tensorIndices
    }

    /// The directory entry of the tensor with exactly this name.
    package func tensor(_ name: String) -> TensorDescription? {
        tensorIndices[name].map { tensors[$0] }
    }

    /// The bytes of one of this file's tensors, in the mapping: valid while the `GGUFFile` lives.
    package func bytes(of tensor: TensorDescription) -> UnsafeRawBufferPointer {
        precondition(tensor.byteRange.upperBound <= byteCount, "a tensor of another file")
        return UnsafeRawBufferPointer(rebasing: mapping.bytes[tensor.byteRange])
    }

    /// Asks the system to read ahead: the whole file is about to be read once, front to back.
    package func willNeedSequential() {
        mapping.advise(MADV_SEQUENTIAL, range: 0..<byteCount)
        mapping.advise(MADV_WILLNEED, range: 0..<byteCount)
    }

    /// Gives a tensor's memory back to the system; reading it again brings it from disk again.
    package func discardPages(of tensor: TensorDescription) {
        precondition(tensor.byteRange.upperBound <= byteCount, "a tensor of another file")
        mapping.advise(MADV_DONTNEED, range: tensor.byteRange)
    }
}
