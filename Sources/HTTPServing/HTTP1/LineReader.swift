// SPDX-License-Identifier: Apache-2.0

/// Collects one CRLF-ended line from input that arrives in pieces; keeps nothing between lines.
struct LineReader {
    private var carried: [UInt8] = []

    var isEmpty: Bool { carried.isEmpty }

    /// Hands a complete line, without its CRLF, to `parse`; nil when more input is needed.
    ///
    /// `maxBytes` bounds the line with its CRLF. The verdict does not depend on how the input was
    /// split.
    mutating func next<Result>(
        from input: Span<UInt8>, at offset: inout Int, maxBytes: Int,
        tooLong: @autoclosure () -> Refusal, malformed: Refusal,
        parse: (Span<UInt8>) throws(Refusal) -> Result
    ) throws(Refusal) -> (line: Result, byteCount: Int)? {
        let start = offset
        var end = start
        while end < input.count, input[unchecked: end] != ByteClass.lineFeed { end += 1 }
        let isComplete = end < input.count
        let byteCount = carried.count + (end - start) + 1
        guard byteCount <= maxBytes else { throw tooLong() }
        guard isComplete else {
            carried.append(copying: input.extracting(start..<end))
            offset = end
            return nil
        }
        offset = end + 1
        if carried.isEmpty {
            return (try Self.parse(input.extracting(start..<end), malformed, parse), byteCount)
        }
        carried.append(copying: input.extracting(start..<end))
        defer { carried = [] }
        return (try Self.parse(carried.span, malformed, parse), byteCount)
    }

    private static func parse<Result>(
        _ line: Span<UInt8>, _ malformed: Refusal,
        _ parse: (Span<UInt8>) throws(Refusal) -> Result
    ) throws(Refusal) -> Result {
        guard line.count > 0, line[line.count - 1] == ByteClass.carriageReturn else {
            throw malformed
        }
        return try parse(line.extracting(0..<(line.count - 1)))
    }
}

extension [UInt8] {
    /// Appends the bytes of a span.
    mutating func append(copying span: Span<UInt8>) {
        span.withUnsafeBufferPointer { append(contentsOf: $0) }
    }
}

extension Span<UInt8> {
    /// The bytes as text; what is not UTF-8 becomes U+FFFD.
    var text: String {
        withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }

    func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        var index = start
        while index < count {
            if self[index] == byte { return index }
            index += 1
        }
        return nil
    }

    func allSatisfy(_ isMember: (UInt8) -> Bool) -> Bool {
        for index in indices where !isMember(self[index]) { return false }
        return true
    }
}
