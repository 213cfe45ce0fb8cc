// SPDX-License-Identifier: Apache-2.0

/// One value of a model file's metadata, in the type it was written with.
package enum MetadataValue: Sendable, Equatable {
    case uint8(UInt8)
    case int8(Int8)
    case uint16(UInt16)
    case int16(Int16)
    case uint32(UInt32)
    case int32(Int32)
    case uint64(UInt64)
    case int64(Int64)
    case float32(Float)
    case float64(Double)
    case bool(Bool)
    /// The bytes as written: meant to be UTF-8, but not promised to be.
    case string([UInt8])
    case array(MetadataArray)
}

/// An array of a model file's metadata, stored compactly by element type.
package enum MetadataArray: Sendable, Equatable {
    case uint8([UInt8])
    case int8([Int8])
    case uint16([UInt16])
    case int16([Int16])
    case uint32([UInt32])
    case int32([Int32])
    case uint64([UInt64])
    case int64([Int64])
    case float32([Float])
    case float64([Double])
    case bool([Bool])
    case strings(ByteStrings)
}

extension MetadataValue {
    /// The value when it is an integer of any width that `Int` can hold.
    package var integer: Int? {
        switch self {
        case .uint8(let value): Int(value)
        case .int8(let value): Int(value)
        case .uint16(let value): Int(value)
        case .int16(let value): Int(value)
        case .uint32(let value): Int(value)
        case .int32(let value): Int(value)
        case .uint64(let value): Int(exactly: value)
        case .int64(let value): Int(value)
        default: nil
        }
    }

    /// The value when it is a string; bytes that are not UTF-8 become U+FFFD.
    package var text: String? {
        guard case .string(let bytes) = self else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The elements when it is an array.
    package var array: MetadataArray? {
        if case .array(let array) = self { array } else { nil }
    }

    /// The type and, for arrays, the length, such as `uint32` or `array of 3 strings`.
    package var typeName: String {
        switch self {
        case .uint8: "uint8"
        case .int8: "int8"
        case .uint16: "uint16"
        case .int16: "int16"
        case .uint32: "uint32"
        case .int32: "int32"
        case .uint64: "uint64"
        case .int64: "int64"
        case .float32: "float32"
        case .float64: "float64"
        case .bool: "bool"
        case .string: "string"
        case .array(let array): "array of \(array.count) \(array.elementTypeName)"
        }
    }
}

extension MetadataValue: CustomStringConvertible {
    /// The value on one line; long strings are cut, and arrays are shown by type and length.
    package var description: String {
        switch self {
        case .uint8, .int8, .uint16, .int16, .uint32, .int32: integer.map { "\($0)" } ?? ""
        case .uint64(let value): "\(value)"
        case .int64(let value): "\(value)"
        case .float32(let value): "\(value)"
        case .float64(let value): "\(value)"
        case .bool(let value): "\(value)"
        case .string: (text ?? "").quoted
        case .array: typeName
        }
    }

    /// Type and value together, for errors.
    var summary: String {
        array == nil ? "\(typeName) \(self)" : typeName
    }
}

extension MetadataArray {
    /// Elements in the array.
    package var count: Int {
        switch self {
        case .uint8(let values): values.count
        case .int8(let values): values.count
        case .uint16(let values): values.count
        case .int16(let values): values.count
        case .uint32(let values): values.count
        case .int32(let values): values.count
        case .uint64(let values): values.count
        case .int64(let values): values.count
        case .float32(let values): values.count
        case .float64(let values): values.count
        case .bool(let values): values.count
        case .strings(let values): values.count
        }
    }

    /// The elements when all are integers that `Int` can hold.
    package var integers: [Int]? {
        switch self {
        case .uint8(let values): values.map { Int($0) }
        case .int8(let values): values.map { Int($0) }
        case .uint16(let values): values.map { Int($0) }
        case .int16(let values): values.map { Int($0) }
        case .uint32(let values): values.map { Int($0) }
        case .int32(let values): values.map { Int($0) }
        case .int64(let values): values.map { Int($0) }
        case .uint64(let values):
            values.allSatisfy { Int(exactly: $0) != nil }
                ? values.map { Int(truncatingIfNeeded: $0) } : nil
        default: nil
        }
    }

    /// The element type, such as `uint32`.
    package var elementTypeName: String {
        switch self {
        case .uint8: "uint8"
        case .int8: "int8"
        case .uint16: "uint16"
        case .int16: "int16"
        case .uint32: "uint32"
        case .int32: "int32"
        case .uint64: "uint64"
        case .int64: "int64"
        case .float32: "float32"
        case .float64: "float64"
        case .bool: "bool"
        case .strings: "string"
        }
    }
}
