// SPDX-License-Identifier: Apache-2.0

/// A cursor over the header of a GGUF file that never reads past its end.
struct GGUFReader {
    let path: String
    private let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0

    init(bytes: UnsafeRawBufferPointer, path: String) {
        self.bytes = bytes
        self.path = path
    }

    /// A little-endian integer at the cursor.
    mutating func integer<Value: FixedWidthInteger>(
        _ what: String, as type: Value.Type = Value.self
    ) throws(ModelFileError) -> Value {
        let source = try take(MemoryLayout<Value>.size, what)
        return Value(littleEndian: source.loadUnaligned(as: Value.self))
    }

    /// A 64-bit count at the cursor, checked against its limit and against the bytes that are left.
    mutating func count(
        of what: String, limit: Int, minElementBytes: Int
    ) throws(ModelFileError) -> Int {
        let start = offset
        let found = try integer("the count of \(what)", as: UInt64.self)
        guard let count = Int(exactly: found), count <= limit else {
            throw failure(.countOverLimit(of: what, found: found, limit: limit), at: start)
        }
        let wantedBytes = count * minElementBytes  // both are small: the limit was checked
        guard wantedBytes <= bytes.count - offset else {
            throw truncation(what, wantedBytes: UInt64(wantedBytes))
        }
        return count
    }

    /// The bytes of a string with its 64-bit length before it.
    mutating func string(
        _ what: String, maxBytes: Int
    ) throws(ModelFileError) -> UnsafeRawBufferPointer {
        let start = offset
        let found = try integer(what, as: UInt64.self)
        guard let length = Int(exactly: found), length <= maxBytes else {
            let defect = GGUFDefect.stringTooLong(of: what, foundBytes: found, maxBytes: maxBytes)
            throw failure(defect, at: start)
        }
        return try take(length, what)
    }

    /// A string that must be UTF-8, as names must.
    mutating func text(_ what: String, maxBytes: Int) throws(ModelFileError) -> String {
        let start = offset
        let source = try string(what, maxBytes: maxBytes)
        guard let text = String(validating: source, as: UTF8.self) else {
            throw failure(.invalidText(of: what), at: start)
        }
        return text
    }

    /// As many numbers as counted, stored one after the other.
    mutating func numbers<Value: BitwiseCopyable>(
        _ what: String, count: Int, as type: Value.Type = Value.self
    ) throws(ModelFileError) -> [Value] {
        let source = try take(count * MemoryLayout<Value>.size, what)
        return [Value](unsafeUninitializedCapacity: count) { values, initializedCount in
            UnsafeMutableRawBufferPointer(values).copyMemory(from: source)
            initializedCount = count
        }
    }

    /// The next bytes, as many as asked for.
    private mutating func take(
        _ byteCount: Int, _ what: String
    ) throws(ModelFileError) -> UnsafeRawBufferPointer {
        guard byteCount <= bytes.count - offset else {
            throw truncation(what, wantedBytes: UInt64(byteCount))
        }
        let end = offset + byteCount
        guard end <= GGUFLimits.maxHeaderBytes else {
            throw failure(.headerTooLong(maxBytes: GGUFLimits.maxHeaderBytes), at: offset)
        }
        defer { offset = end }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
    }

    /// An error about this file at an offset.
    func failure(_ defect: GGUFDefect, at offset: Int) -> ModelFileError {
        .malformed(path: path, offset: offset, defect)
    }

    private func truncation(_ what: String, wantedBytes: UInt64) -> ModelFileError {
        let defect = GGUFDefect.truncated(
            wanted: what, wantedBytes: wantedBytes, foundBytes: bytes.count - offset)
        return failure(defect, at: offset)
    }
}
