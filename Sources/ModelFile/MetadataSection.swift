// SPDX-License-Identifier: Apache-2.0

/// The keys and values of a GGUF file while they are being read.
struct MetadataSection {
    private(set) var keys: [String] = []
    private(set) var values: [String: MetadataValue] = [:]

    private static let alignmentKey = "general.alignment"
    private var alignmentOffset = 0

    init(keyCount: Int, from reader: inout GGUFReader) throws(ModelFileError) {
        for _ in 0..<keyCount {
            let start = reader.offset
            let key = try reader.text("a key", maxBytes: GGUFLimits.maxKeyBytes)
            guard values[key] == nil else {
                throw reader.failure(.duplicateKey(key), at: start)
            }
            if key == MetadataSection.alignmentKey { alignmentOffset = reader.offset }
            values[key] = try reader.value(of: key)
            keys.append(key)
        }
    }

    /// The step in which tensors are placed.
    func alignment(_ reader: GGUFReader) throws(ModelFileError) -> Int {
        guard let value = values[MetadataSection.alignmentKey] else {
            return GGUFLimits.defaultAlignment
        }
        guard case .uint32(let found) = value else {
            throw reader.failure(.badAlignment(found: value.typeName), at: alignmentOffset)
        }
        guard found >= GGUFLimits.minAlignment, found & (found - 1) == 0 else {
            throw reader.failure(.badAlignment(found: "\(found)"), at: alignmentOffset)
        }
        return Int(found)
    }
}

extension GGUFReader {
    fileprivate mutating func value(of key: String) throws(ModelFileError) -> MetadataValue {
        let start = offset
        let type = try integer("a value type", as: UInt32.self)
        switch type {
        case 0: return .uint8(try integer("a uint8"))
        case 1: return .int8(try integer("an int8"))
        case 2: return .uint16(try integer("a uint16"))
        case 3: return .int16(try integer("an int16"))
        case 4: return .uint32(try integer("a uint32"))
        case 5: return .int32(try integer("an int32"))
        case 6: return .float32(Float(bitPattern: try integer("a float32")))
        case 7: return .bool(try bool(of: key))
        case 8:
            return .string(Array(try string("a string", maxBytes: GGUFLimits.maxStringBytes)))
        case 9: return .array(try array(of: key))
        case 10: return .uint64(try integer("a uint64"))
        case 11: return .int64(try integer("an int64"))
        case 12: return .float64(Double(bitPattern: try integer("a float64")))
        default: throw failure(.unknownValueType(key: key, found: type), at: start)
        }
    }

    private mutating func array(of key: String) throws(ModelFileError) -> MetadataArray {
        let start = offset
        let type = try integer("an element type", as: UInt32.self)
        guard type != 9 else { throw failure(.nestedArray(key: key), at: start) }
        guard let elementBytes = minElementBytes(ofType: type) else {
            throw failure(.unknownValueType(key: key, found: type), at: start)
        }
        let count = try count(
            of: "array elements", limit: GGUFLimits.maxArrayCount, minElementBytes: elementBytes)
        switch type {
        case 0: return .uint8(try numbers("a uint8 array", count: count))
        case 1: return .int8(try numbers("an int8 array", count: count))
        case 2: return .uint16(try numbers("a uint16 array", count: count))
        case 3: return .int16(try numbers("an int16 array", count: count))
        case 4: return .uint32(try numbers("a uint32 array", count: count))
        case 5: return .int32(try numbers("an int32 array", count: count))
        case 6: return .float32(try numbers("a float32 array", count: count))
        case 7: return .bool(try bools(of: key, count: count))
        case 8: return .strings(try strings(count: count))
        case 10: return .uint64(try numbers("a uint64 array", count: count))
        case 11: return .int64(try numbers("an int64 array", count: count))
        default: return .float64(try numbers("a float64 array", count: count))
        }
    }

    private func minElementBytes(ofType type: UInt32) -> Int? {
        switch type {
        case 0, 1, 7: 1
        case 2, 3: 2
        case 4, 5, 6: 4
        case 8, 10, 11, 12: 8  // a string has at least its length
        default: nil
        }
    }

    private mutating func bool(of key: String) throws(ModelFileError) -> Bool {
        let start = offset
        let found = try integer("a bool", as: UInt8.self)
        guard found <= 1 else { throw failure(.invalidBool(key: key, found: found), at: start) }
        return found == 1
    }

    private mutating func bools(of key: String, count: Int) throws(ModelFileError) -> [Bool] {
        var values: [Bool] = []
        values.reserveCapacity(count)
        for _ in 0..<count {
            values.append(try bool(of: key))
        }
        return values
    }

    private mutating func strings(count: Int) throws(ModelFileError) -> ByteStrings {
        var values = ByteStrings(minimumCapacity: count)
        for _ in 0..<count {
            values.append(try string("a string", maxBytes: GGUFLimits.maxStringBytes))
        }
        return values
    }
}
