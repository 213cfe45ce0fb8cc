// SPDX-License-Identifier: Apache-2.0

/// A way in which the bytes of a file break the GGUF format, or one of this reader's limits.
package enum GGUFDefect: Error, Equatable {
    case badMagic(found: UInt32)
    case bigEndian(version: UInt32)
    case unsupportedVersion(UInt32)
    case truncated(wanted: String, wantedBytes: UInt64, foundBytes: Int)
    case headerTooLong(maxBytes: Int)
    case countOverLimit(of: String, found: UInt64, limit: Int)
    case stringTooLong(of: String, foundBytes: UInt64, maxBytes: Int)
    case invalidText(of: String)
    case invalidBool(key: String, found: UInt8)
    case unknownValueType(key: String, found: UInt32)
    case nestedArray(key: String)
    case duplicateKey(String)
    case badAlignment(found: String)
    case badDimensionCount(tensor: String, found: UInt32)
    case badDimension(tensor: String, found: UInt64)
    case sizeOverflow(tensor: String)
    case unknownTensorType(tensor: String, found: UInt32)
    case partialBlock(tensor: String, rowLength: Int, type: TensorType)
    case duplicateTensor(String)
    case misalignedTensor(String, offset: UInt64, alignment: Int)
    case tensorOutOfRange(String, start: UInt64, byteCount: Int, foundBytes: Int)
    case overlappingTensors(String, String)
}

extension GGUFDefect: CustomStringConvertible {
    /// What was wanted and what was found, without the place.
    package var description: String {
        headerDescription ?? tensorDescription
    }

    private var headerDescription: String? {
        switch self {
        case .badMagic(let found):
            "wanted the magic number of a GGUF file, found \(hexadecimal(found))"
        case .bigEndian(let version):
            "wanted a little-endian file, found a big-endian one (version \(version))"
        case .unsupportedVersion(let found):
            "wanted GGUF version 2 or 3, found version \(found)"
        case .truncated(let wanted, let wantedBytes, let foundBytes):
            "wanted \(wantedBytes) bytes of \(wanted), found \(foundBytes): is the file complete?"
        case .headerTooLong(let maxBytes):
            "wanted the metadata to end within \(maxBytes) bytes, found more"
        case .countOverLimit(let what, let found, let limit):
            "wanted at most \(limit) \(what), found \(found)"
        case .stringTooLong(let what, let foundBytes, let maxBytes):
            "wanted at most \(maxBytes) bytes of \(what), found \(foundBytes)"
        case .invalidText(let what):
            "wanted \(what) in UTF-8, found other bytes"
        case .invalidBool(let key, let found):
            "key \(key.quoted): wanted 0 or 1 for a bool, found \(found)"
        case .unknownValueType(let key, let found):
            "key \(key.quoted): wanted a value type from 0 to 12, found \(found)"
        case .nestedArray(let key):
            "key \(key.quoted): wanted an array of scalars or strings, found an array of arrays"
        case .duplicateKey(let key):
            "wanted each key once, found \(key.quoted) again"
        case .badAlignment(let found):
            "key 'general.alignment': wanted a uint32 power of two from 8, found \(found)"
        default: nil
        }
    }

    private var tensorDescription: String {
        switch self {
        case .badDimensionCount(let tensor, let found):
            "tensor \(tensor.quoted): wanted at most \(GGUFLimits.maxDimensionCount) dimensions,"
                + " found \(found)"
        case .badDimension(let tensor, let found):
            "tensor \(tensor.quoted): wanted a dimension from 1 to \(GGUFLimits.maxDimension),"
                + " found \(found)"
        case .sizeOverflow(let tensor):
            "tensor \(tensor.quoted): wanted a size in 63 bits, found dimensions beyond it"
        case .unknownTensorType(let tensor, let found):
            "tensor \(tensor.quoted): wanted a known tensor type, found \(found)"
                + (TensorType.unreadableName(found).map { " (\($0))" } ?? "")
        case .partialBlock(let tensor, let rowLength, let type):
            "tensor \(tensor.quoted): wanted rows in blocks of \(type.blockLength) for"
                + " \(type.name), found \(rowLength) elements"
        case .duplicateTensor(let name):
            "wanted each tensor once, found \(name.quoted) again"
        case .misalignedTensor(let name, let offset, let alignment):
            "tensor \(name.quoted): wanted an offset in steps of \(alignment), found \(offset)"
        case .tensorOutOfRange(let name, let start, let byteCount, let foundBytes):
            "tensor \(name.quoted): wanted \(byteCount) bytes from offset \(start) of the data,"
                + " found a file of \(foundBytes) bytes: is it complete?"
        case .overlappingTensors(let first, let second):
            "tensor \(second.quoted): wanted bytes of its own,"
                + " found it overlapping \(first.quoted)"
        default: ""
        }
    }
}

private func hexadecimal(_ value: UInt32) -> String {
    "0x" + String(value, radix: 16)
}
