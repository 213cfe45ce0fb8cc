// SPDX-License-Identifier: Apache-2.0

/// Takes the chunked coding off a request body (RFC 9112 section 7.1); extensions and trailers are
/// checked, bounded and dropped.
struct ChunkedBody {
    private enum Phase {
        case size
        case bytes(remaining: Int)
        case lineEnd
        case trailers
    }

    private var phase = Phase.size
    private var line = LineReader()
    private var remainingOverheadBytes: Int
    private let maxBodyBytes: Int
    /// Bytes of the body so far.
    private var takenBytes = 0

    init(limits: MessageLimits) {
        remainingOverheadBytes = limits.maxHeaderBytes
        maxBodyBytes = limits.maxBodyBytes
    }

    /// Appends what `input` holds of the body; true when the body is complete.
    mutating func decode(
        _ input: Span<UInt8>, at offset: inout Int, into body: inout [UInt8]
    ) throws(Refusal) -> Bool {
        while true {
            switch phase {
            case .size:
                guard let size = try nextSize(input, &offset) else { return false }
                guard size <= maxBodyBytes - takenBytes else {
                    throw .bodyTooLarge(maxBytes: maxBodyBytes)
                }
                phase = size == 0 ? .trailers : .bytes(remaining: size)
            case .bytes(let remaining):
                let end = offset + min(remaining, input.count - offset)
                guard end > offset else { return false }
                body.append(copying: input.extracting(offset..<end))
                takenBytes += end - offset
                let left = remaining - (end - offset)
                offset = end
                phase = left == 0 ? .lineEnd : .bytes(remaining: left)
            case .lineEnd:
                guard let isEmpty = try nextLine(input, &offset, maxBytes: 2, { $0.isEmpty }) else {
                    return false
                }
                guard isEmpty.line else { throw .malformedChunk }
                phase = .size
            case .trailers:
                guard let isLast = try nextTrailer(input, &offset) else { return false }
                if isLast { return true }
            }
        }
    }

    /// `chunk-size [ chunk-ext ]`: what stands beside the size counts against the overhead.
    private mutating func nextSize(
        _ input: Span<UInt8>, _ offset: inout Int
    ) throws(Refusal) -> Int? {
        let parsed = try nextLine(
            input, &offset, maxBytes: Self.maxSizeLineBytes
        ) { text throws(Refusal) in try Self.size(text) }
        guard let (line, _) = parsed else { return nil }
        try spend(line.extensionBytes)
        return line.size
    }

    private mutating func nextTrailer(
        _ input: Span<UInt8>, _ offset: inout Int
    ) throws(Refusal) -> Bool? {
        let parsed = try nextLine(
            input, &offset, maxBytes: max(remainingOverheadBytes, 2)
        ) { text throws(Refusal) -> Bool in
            if text.isEmpty { return true }
            _ = try FieldLine.parse(text)
            return false
        }
        guard let (isLast, byteCount) = parsed else { return nil }
        if !isLast { try spend(byteCount) }
        return isLast
    }

    private mutating func nextLine<Result>(
        _ input: Span<UInt8>, _ offset: inout Int, maxBytes: Int,
        _ parse: (Span<UInt8>) throws(Refusal) -> Result
    ) throws(Refusal) -> (line: Result, byteCount: Int)? {
        try line.next(
            from: input, at: &offset, maxBytes: maxBytes, tooLong: .malformedChunk,
            malformed: .malformedChunk, parse: parse)
    }

    private mutating func spend(_ byteCount: Int) throws(Refusal) {
        remainingOverheadBytes -= byteCount
        guard remainingOverheadBytes >= 0 else { throw .malformedChunk }
    }

    /// Room for sixteen digits and an extension that nobody has a use for.
    private static let maxSizeLineBytes = 256
    /// Fifteen hexadecimal digits fit in an Int.
    private static let maxSizeDigitCount = 15

    private static func size(
        _ text: Span<UInt8>
    ) throws(Refusal) -> (size: Int, extensionBytes: Int) {
        var size = 0
        var digitCount = 0
        while digitCount < text.count, let digit = ByteClass.hexDigit(text[digitCount]) {
            digitCount += 1
            guard digitCount <= maxSizeDigitCount else { throw .malformedChunk }
            size = size << 4 | digit
        }
        guard digitCount > 0 else { throw .malformedChunk }
        let rest = text.extracting(digitCount..<text.count)
        guard rest.isEmpty || rest[0] == ByteClass.semicolon,
            rest.allSatisfy(ByteClass.isFieldValue)
        else { throw .malformedChunk }
        return (size, rest.count)
    }
}
