// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

/// A strict, incremental parser of HTTP/1 requests (RFC 9112): bytes in, events out.
///
/// It never looks back: input is taken once, in any split, and gives the same events. After a
/// `.refused` the input cannot be trusted and the parser must not be used again.
struct RequestParser {
    /// What the input taken so far amounts to.
    enum Event {
        case needsMore
        /// The head is complete and a body follows; the client may wait for a `100 Continue` first.
        case bodyFollows(IncomingRequest, awaitsContinue: Bool)
        case request(IncomingRequest)
        case refused(Refusal)
    }

    /// How far the current request is.
    enum Progress: Equatable {
        case idle
        case head
        case body
    }

    private enum Phase {
        case requestLine
        case fields
        case fixedBody(remaining: Int)
        case chunkedBody
    }

    private let limits: MessageLimits
    private var phase = Phase.requestLine
    private var line = LineReader()
    private var headByteCount = 0
    private var skippedEmptyLine = false
    private var requestLine: RequestLine?
    private var fields = HTTPFields()
    private var framing = MessageFraming()
    /// The request whose body arrives; the body stands apart so that it grows in place.
    private var request: IncomingRequest?
    private var body: [UInt8] = []
    private var chunks: ChunkedBody?
    private var decoder: ContentDecoder?

    init(limits: MessageLimits) {
        self.limits = limits
    }

    var progress: Progress {
        switch phase {
        case .requestLine: line.isEmpty && !skippedEmptyLine ? .idle : .head
        case .fields: .head
        case .fixedBody, .chunkedBody: .body
        }
    }

    /// Bytes that the current body holds in memory.
    var heldBodyBytes: Int { body.count + (decoder == nil ? 0 : ContentDecoder.stateBytes) }
    /// Bytes of the current body that came from the client, without framing.
    var receivedBodyBytes: Int { decoder?.takenBytes ?? body.count }

    /// Takes input from `offset` on until there is something to say.
    mutating func parse(_ input: Span<UInt8>, at offset: inout Int) -> Event {
        do throws(Refusal) {
            while offset < input.count {
                if let event = try step(input, &offset) { return event }
            }
            return .needsMore
        } catch {
            return .refused(error)
        }
    }

    private mutating func step(
        _ input: Span<UInt8>, _ offset: inout Int
    ) throws(Refusal) -> Event? {
        switch phase {
        case .requestLine: return try parseRequestLine(input, &offset)
        case .fields: return try parseField(input, &offset)
        case .fixedBody(let remaining): return try takeBody(input, &offset, remaining: remaining)
        case .chunkedBody:
            guard try takeChunks(input, &offset) else { return nil }
            return try complete()
        }
    }

    private mutating func parseRequestLine(
        _ input: Span<UInt8>, _ offset: inout Int
    ) throws(Refusal) -> Event? {
        // A client that speaks TLS or garbage need not get as far as a line feed.
        if line.isEmpty, input[offset] != ByteClass.carriageReturn,
            !ByteClass.isToken(input[offset])
        {
            throw .malformedRequestLine
        }
        let parsed = try line.next(
            from: input, at: &offset, maxBytes: limits.maxRequestLineBytes,
            tooLong: .requestLineTooLong(maxBytes: limits.maxRequestLineBytes),
            malformed: .malformedRequestLine
        ) { text throws(Refusal) -> RequestLine? in
            text.isEmpty ? nil : try RequestLine(parsing: text)
        }
        guard let (parsedLine, byteCount) = parsed else { return nil }
        guard let parsedLine else {
            // RFC 9112 section 2.2: one empty line before a request is forgiven.
            guard !skippedEmptyLine else { throw .malformedRequestLine }
            skippedEmptyLine = true
            return nil
        }
        headByteCount = byteCount
        requestLine = parsedLine
        phase = .fields
        return nil
    }

    private mutating func parseField(
        _ input: Span<UInt8>, _ offset: inout Int
    ) throws(Refusal) -> Event? {
        let parsed = try line.next(
            from: input, at: &offset, maxBytes: max(limits.maxHeaderBytes - headByteCount, 0),
            tooLong: .fieldsTooLarge(maxBytes: limits.maxHeaderBytes),
            malformed: .malformedField
        ) { text throws(Refusal) -> HTTPField? in
            text.isEmpty ? nil : try FieldLine.parse(text)
        }
        guard let (field, byteCount) = parsed else { return nil }
        headByteCount += byteCount
        guard let field else { return try headEnded() }
        guard fields.count < limits.maxFieldCount else {
            throw .tooManyFields(maxCount: limits.maxFieldCount)
        }
        try framing.note(field)
        fields.append(field)
        return nil
    }

    private mutating func headEnded() throws(Refusal) -> Event? {
        guard let requestLine else { throw .malformedRequestLine }
        let version = requestLine.version
        let authority = try framing.authority(for: requestLine)
        let bodyFraming = try framing.bodyFraming(of: requestLine)
        let head = HTTPRequest(
            method: requestLine.method, scheme: nil, authority: authority,
            path: requestLine.path, headerFields: fields)
        var request = IncomingRequest(head: head)
        request.keepsAlive = framing.keepsAlive(version)
        request.version = version
        request.notes = framing.notes
        self.request = request
        switch bodyFraming {
        case .none: return try complete()
        case .length(let length):
            guard length <= limits.maxBodyBytes else {
                throw .bodyTooLarge(maxBytes: limits.maxBodyBytes)
            }
            phase = .fixedBody(remaining: length)
        case .chunked:
            chunks = ChunkedBody(limits: limits)
            phase = .chunkedBody
        }
        if let coding = try framing.contentCoding() {
            decoder = try ContentDecoder(coding, maxBodyBytes: limits.maxBodyBytes)
        }
        let awaits = framing.expectsContinue && version == .http11
        return .bodyFollows(request, awaitsContinue: awaits)
    }

    private mutating func takeBody(
        _ input: Span<UInt8>, _ offset: inout Int, remaining: Int
    ) throws(Refusal) -> Event? {
        let end = offset + min(remaining, input.count - offset)
        let piece = input.extracting(offset..<end)
        if let decoder {
            try decoder.decode(piece, into: &body)
        } else {
            body.append(copying: piece)
        }
        let left = remaining - (end - offset)
        offset = end
        guard left > 0 else { return try complete() }
        phase = .fixedBody(remaining: left)
        return nil
    }

    /// Takes what has come of a chunked body; true when that was its end.
    private mutating func takeChunks(
        _ input: Span<UInt8>, _ offset: inout Int
    ) throws(Refusal) -> Bool {
        guard let decoder else {
            return try chunks?.decode(input, at: &offset, into: &body) == true
        }
        var coded: [UInt8] = []
        var hasEnded = false
        var refusal: Refusal?
        do throws(Refusal) {
            hasEnded = try chunks?.decode(input, at: &offset, into: &coded) == true
        } catch { refusal = error }
        // What came before a malformed chunk is looked at first, as if it had come alone.
        try decoder.decode(coded.span, into: &body)
        if let refusal { throw refusal }
        return hasEnded
    }

    /// Hands the request out and is as new.
    private mutating func complete() throws(Refusal) -> Event? {
        guard var complete = request else { return nil }
        guard decoder?.isComplete != false else { throw .malformedContent }
        complete.body = body
        reset()
        return .request(complete)
    }

    /// Forgets the current request and what it holds.
    mutating func reset() {
        self = RequestParser(limits: limits)
    }
}
