// SPDX-License-Identifier: Apache-2.0

/// Everything before the tensor bytes of a GGUF file, read and checked.
///
/// Layout: magic, version, tensor count, key count, keys with values, tensor directory, padding.
/// Source: the GGUF specification (ggml, docs/gguf.md).
struct GGUFHeader {
    let version: UInt32
    let alignment: Int
    let keys: [String]
    let metadata: [String: MetadataValue]
    let tensors: [TensorDescription]
    let tensorIndices: [String: Int]

    /// Reads the header of the file that is number `part`, from 0, of its model.
    /// - Throws: `ModelFileError.malformed` with the offset of the first defect.
    init(bytes: UnsafeRawBufferPointer, path: String, part: Int) throws(ModelFileError) {
        var reader = GGUFReader(bytes: bytes, path: path)
        version = try reader.magicAndVersion()
        let tensorCount = try reader.count(
            of: "tensors", limit: GGUFLimits.maxTensorCount, minElementBytes: 24)
        let keyCount = try reader.count(
            of: "keys", limit: GGUFLimits.maxKeyCount, minElementBytes: 13)
        let section = try MetadataSection(keyCount: keyCount, from: &reader)
        keys = section.keys
        metadata = section.values
        alignment = try section.alignment(reader)

        var directory = TensorDirectory()
        for _ in 0..<tensorCount {
            try directory.appendEntry(from: &reader)
        }
        tensors = try directory.located(
            headerBytes: reader.offset, alignment: alignment, fileBytes: bytes.count, path: path,
            part: part)
        tensorIndices = directory.indices
    }
}

extension GGUFReader {
    fileprivate mutating func magicAndVersion() throws(ModelFileError) -> UInt32 {
        let magic = try integer("the magic number", as: UInt32.self)
        guard magic == 0x4655_4747 else {  // "GGUF" read as a little-endian number
            throw failure(.badMagic(found: magic), at: 0)
        }
        let start = offset
        let version = try integer("the version", as: UInt32.self)
        switch version {
        case 2, 3: return version
        case 0: throw failure(.unsupportedVersion(0), at: start)
        case let swapped where swapped & 0xFFFF == 0:
            throw failure(.bigEndian(version: swapped.byteSwapped), at: start)
        default: throw failure(.unsupportedVersion(version), at: start)
        }
    }
}
