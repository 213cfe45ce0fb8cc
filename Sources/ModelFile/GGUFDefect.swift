// SPDX-License-Identifier: Apache-2.0

/// A way in which the bytes of a file break the GGUF format, or one of this reader's limits.
package enum GGUFDefect: Error, Equatable {
    /// The first four bytes are not `GGUF`.
    case badMagic(found: UInt32)
    /// The version reads as a small number only with its bytes swapped.
    case bigEndian(version: UInt32)
    /// Neither version 2 nor version 3.
    case unsupportedVersion(UInt32)
    /// The file ends within something that it announced.
    case truncated(wanted: String, wantedBytes: UInt64, foundBytes: Int)
    /// Metadata and tensor directory together pass their limit.
    case headerTooLong(maxBytes: Int)
    /// A count of keys, tensors or array elements passes its limit.
    case countOverLimit(of: String, found: UInt64, limit: Int)
    /// A string or a name passes its limit.
    case stringTooLong(of: String, foundBytes: UInt64, maxBytes: Int)
    /// A key or a tensor name is not UTF-8.
    case invalidText(of: String)
    /// A bool is neither 0 nor 1.
    case invalidBool(key: String, found: UInt8)
    /// A value, or an array's elements, has a type number out of the list.
    case unknownValueType(key: String, found: UInt32)
    /// An array holds arrays, which no published model does.
    case nestedArray(key: String)
    /// A key is given twice.
    case duplicateKey(String)
    /// `general.alignment` is no power of two, too small, or no uint32.
    case badAlignment(found: String)
    /// A tensor has more dimensions than the format allows.
    /// A tensor's dimension is zero or passes its limit.
    case badDimensionCount(tensor: String, found: UInt32)
    case badDimension(tensor: String, found: UInt64)
    /// A tensor's element or byte count does not fit in an integer.
    case sizeOverflow(tensor: String)
    /// A tensor has a type that cannot be read here.
    case unknownTensorType(tensor: String, found: UInt32)
    /// A tensor's rows are not whole blocks of its type.
    case partialBlock(tensor: String, rowLength: Int, type: TensorType)
    /// A tensor name is given twice.
    case duplicateTensor(String)
    /// A tensor's offset is no multiple of the alignment.
    case misalignedTensor(String, offset: UInt64, alignment: Int)
    /// A tensor's bytes lie, in part or in all, past the end of the file.
    case tensorOutOfRange(String, start: UInt64, byteCount: Int, foundBytes: Int)
    /// Two tensors claim the same bytes.
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
