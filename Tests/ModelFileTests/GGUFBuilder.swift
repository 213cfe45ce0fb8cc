// SPDX-License-Identifier: Apache-2.0

/// Writes GGUF bytes, well-formed or not: every number can be set to something untrue.
struct GGUFBuilder {
    private(set) var bytes: [UInt8] = []

    init(version: UInt32 = 3, tensorCount: UInt64 = 0, keyCount: UInt64 = 0) {
        bytes += Array("GGUF".utf8)
        append(version)
        append(tensorCount)
        append(keyCount)
    }

    mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }

    mutating func append(_ string: String) {
        append(UInt64(string.utf8.count))
        bytes += Array(string.utf8)
    }

    mutating func key(_ name: String, type: UInt32) {
        append(name)
        append(type)
    }

    mutating func key(_ name: String, type: UInt32, _ value: some FixedWidthInteger) {
        key(name, type: type)
        append(value)
    }

    mutating func key(_ name: String, _ string: String) {
        key(name, type: 8)
        append(string)
    }

    mutating func key(_ name: String, arrayType: UInt32, count: UInt64) {
        key(name, type: 9)
        append(arrayType)
        append(count)
    }

    mutating func key(_ name: String, arrayType: UInt32, _ values: [some FixedWidthInteger]) {
        key(name, arrayType: arrayType, count: UInt64(values.count))
        for value in values { append(value) }
    }

    mutating func key(_ name: String, _ strings: [String]) {
        key(name, arrayType: 8, count: UInt64(strings.count))
        for string in strings { append(string) }
    }

    /// A directory entry with dimensions as GGUF writes them, innermost first.
    mutating func tensor(
        _ name: String, _ dimensions: [UInt64], type: UInt32 = 0, offset: UInt64 = 0
    ) {
        append(name)
        append(UInt32(dimensions.count))
        for dimension in dimensions { append(dimension) }
        append(type)
        append(offset)
    }

    mutating func data(byteCount: Int, alignment: Int = 32) {
        bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment)
        bytes += (0..<byteCount).map { UInt8(truncatingIfNeeded: $0) }
    }
}

extension GGUFBuilder {
    /// A small file with every kind of value and three tensors, and the length of its header.
    static func sample(version: UInt32 = 3) -> (bytes: [UInt8], headerByteCount: Int) {
        var file = GGUFBuilder(version: version, tensorCount: 3, keyCount: 22)
        file.key("general.architecture", "llama")
        file.key("general.alignment", type: 4, UInt32(64))
        file.key("u8", type: 0, UInt8(200))
        file.key("i8", type: 1, Int8(-100))
        file.key("u16", type: 2, UInt16(60_000))
        file.key("i16", type: 3, Int16(-30_000))
        file.key("u32", type: 4, UInt32.max)
        file.key("i32", type: 5, Int32.min)
        file.key("f32", type: 6, Float(0.5).bitPattern)
        file.key("yes", type: 7, UInt8(1))
        file.key("u64", type: 10, UInt64.max)
        file.key("i64", type: 11, Int64.min)
        file.key("f64", type: 12, Double(0.25).bitPattern)
        file.key("u8s", arrayType: 0, [1, 2, 3] as [UInt8])
        file.key("u64s", arrayType: 10, [1, UInt64.max])
        file.key("i32s", arrayType: 5, [4, -5] as [Int32])
        file.key("f32s", arrayType: 6, [Float(1.5).bitPattern])
        file.key("f64s", arrayType: 12, [Double(2.5).bitPattern])
        file.key("bools", arrayType: 7, [1, 0] as [UInt8])
        file.key("strings", ["", "a", "世界"])
        file.key("empty", arrayType: 8, count: 0)
        file.key("text", "héllo")
        file.tensor("matrix", [32, 3, 2], type: 2, offset: 0)
        file.tensor("row", [5], type: 0, offset: 128)
        file.tensor("scalar", [], type: 0, offset: 192)
        let headerByteCount = file.bytes.count
        file.data(byteCount: 196, alignment: 64)
        return (file.bytes, headerByteCount)
    }
}
