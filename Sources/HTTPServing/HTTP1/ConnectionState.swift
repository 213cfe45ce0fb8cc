// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

/// One connection's HTTP/1 protocol as a value: requests come out of bytes, responses go into an
/// output queue, one after the other (RFC 9112 section 9).
struct ConnectionState {
    enum Phase: Hashable {
        /// Input is wanted: between requests or inside one.
        case reading
        /// A request was handed out; its answer has not begun.
        case awaitingResponse
        case streaming(ResponseFraming)
        /// No request follows; what is queued is still sent.
        case ended
    }

    private(set) var phase = Phase.reading
    private var parser: RequestParser
    // Of the request in progress, from its head's end on.
    private var method = HTTPRequest.Method.get
    private var version = HTTPVersion.http11
    private var keepsAlive = true
    private var notes: RequestNotes?
    /// What the answer calls the request.
    var requestID: RequestID?
    /// Fields that the answer has beside the route's, as they are on the wire, each after its CRLF.
    var addedFields: [UInt8] = []
    /// Of the streamed response in progress, if it is coded.
    private var encoder: GzipEncoder?

    init(limits: MessageLimits) {
        parser = RequestParser(limits: limits)
    }

    var isResponding: Bool {
        switch phase {
        case .awaitingResponse, .streaming: true
        case .reading, .ended: false
        }
    }

    /// How far the request that is being read is.
    var progress: RequestParser.Progress { parser.progress }
    var heldBodyBytes: Int { parser.heldBodyBytes }
    var receivedBodyBytes: Int { parser.receivedBodyBytes }

    /// Takes input; only to be called while `phase` is `.reading`.
    mutating func receive(_ input: Span<UInt8>, at offset: inout Int) -> RequestParser.Event {
        precondition(phase == .reading)
        let event = parser.parse(input, at: &offset)
        switch event {
        case .needsMore: break
        case .bodyFollows(let request, _): noteHead(of: request)
        case .refused: abandonRequest()
        case .request(let request):
            noteHead(of: request)
            notes = request.notes
            keepsAlive = keepsAlive && request.keepsAlive
            phase = .awaitingResponse
        }
        return event
    }

    private mutating func noteHead(of request: IncomingRequest) {
        method = request.head.method
        version = request.version
    }

    /// Gives up on the request that is being read, so that it can be answered at once.
    mutating func abandonRequest() {
        precondition(phase == .reading)
        keepsAlive = false
        notes = nil
        phase = .awaitingResponse
        parser.reset()
    }

    /// Makes the response in progress, or the next one, the connection's last.
    mutating func endAfterResponse() {
        keepsAlive = false
    }

    /// No request follows: the client's stream ended.
    mutating func endReading() {
        if phase == .reading { phase = .ended }
    }

    /// Queues a whole response.
    mutating func respond(
        _ response: HTTPResponse, body: [UInt8], date: [UInt8], into output: inout OutputQueue
    ) {
        precondition(phase == .awaitingResponse)
        if body.count < ResponseCoding.minBytes {
            queue(response, body, date, &output)
        } else {
            var (response, body) = (response, body)
            ResponseCoding.apply(notes?.acceptEncoding, to: &response, body: &body)
            queue(response, body, date, &output)
        }
        endResponse()
    }

    /// Nothing is known of the next request.
    private mutating func endResponse() {
        method = .get
        version = .http11
        phase = keepsAlive ? .reading : .ended
    }

    private mutating func queue(
        _ response: HTTPResponse, _ body: [UInt8], _ date: [UInt8], _ output: inout OutputQueue
    ) {
        let framing = framing(response, length: body.count)
        appendHead(response, framing, date, to: &output)
        if case .length = framing { output.append(body) }
    }

    /// Queues a response's head; the body follows by `write`.
    mutating func begin(_ response: HTTPResponse, date: [UInt8], into output: inout OutputQueue) {
        precondition(phase == .awaitingResponse)
        var response = response
        encoder = ResponseCoding.encoder(notes?.acceptEncoding, of: &response)
        let framing = framing(response, length: nil)
        if framing == .untilClose { keepsAlive = false }
        appendHead(response, framing, date, to: &output)
        phase = .streaming(framing)
    }

    /// Queues a piece of a streamed body.
    mutating func write(_ bytes: [UInt8], into output: inout OutputQueue) {
        append(encoder?.write(bytes) ?? bytes, to: &output)
    }

    private func append(_ bytes: [UInt8], to output: inout OutputQueue) {
        switch phase {
        case .streaming(.chunked): ResponseEncoder.appendChunk(bytes, to: &output)
        case .streaming(.untilClose): output.append(bytes)
        default: break
        }
    }

    /// Ends a streamed body.
    mutating func finish(into output: inout OutputQueue) {
        if let last = encoder?.finish() { append(last, to: &output) }
        encoder = nil
        if phase == .streaming(.chunked) { output.append(ResponseEncoder.lastChunk) }
        endResponse()
    }

    private func framing(_ response: HTTPResponse, length: Int?) -> ResponseFraming {
        switch response.status.code {
        case 204, 304: .noBody(statedLength: nil)
        default:
            if method == .head {
                .noBody(statedLength: length)
            } else if let length {
                .length(length)
            } else {
                version == .http11 ? .chunked : .untilClose
            }
        }
    }

    private mutating func appendHead(
        _ response: HTTPResponse, _ framing: ResponseFraming, _ date: [UInt8],
        to output: inout OutputQueue
    ) {
        precondition(response.status.kind != .informational, "a response needs a final status")
        if response.headerFields[.connection]?.lowercased() == "close" { keepsAlive = false }
        output.appendToTail {
            ResponseEncoder.appendHead(
                response, framing: framing, version: version, keepsAlive: keepsAlive, date: date,
                requestID: requestID, added: addedFields, to: &$0)
        }
    }
}
