// SPDX-License-Identifier: Apache-2.0

/// A cursor over bytes that never reads past its limit.
struct LittleEndianReader {
    private let source: [UInt8]
    private let limit: Int
    private(set) var offset: Int

    init(_ source: [UInt8], at offset: Int = 0, limit: Int? = nil) {
        self.source = source
        self.limit = min(limit ?? source.count, source.count)
        self.offset = offset
    }

    /// An integer, least significant byte first.
    mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(
        _ type: Value.Type
    ) throws(NumPyDefect) -> Value {
        var value: Value = 0
        for byte in try bytes(MemoryLayout<Value>.size).reversed() {
            value = value << 8 | Value(byte)
        }
        return value
    }

    /// The next bytes, as many as asked for.
    mutating func bytes(_ byteCount: Int) throws(NumPyDefect) -> ArraySlice<UInt8> {
        guard offset <= limit, byteCount <= limit - offset else {
            throw NumPyDefect(
                wanted: "\(byteCount) bytes at \(offset)", found: "\(max(0, limit - offset))")
        }
        defer { offset += byteCount }
        return source[offset..<(offset + byteCount)]
    }

    /// Passes over bytes that are not needed.
    mutating func skip(_ byteCount: Int) throws(NumPyDefect) {
        _ = try bytes(byteCount)
    }
}
