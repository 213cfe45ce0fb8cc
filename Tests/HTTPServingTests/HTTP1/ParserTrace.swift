// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

@testable import HTTPServing

/// What a parser said about some input, in a form that tests can compare.
struct ParserTrace: Equatable, CustomStringConvertible {
    var events: [String] = []
    var refusal: Refusal?
    var progress = RequestParser.Progress.idle
    var bodies: [[UInt8]] = []

    var description: String { "\(events) \(refusal.map { "\($0)" } ?? "") \(progress)" }

    /// Feeds pieces in order until the input is used up or refused.
    init(_ pieces: [ArraySlice<UInt8>], limits: MessageLimits = MessageLimits()) {
        var parser = RequestParser(limits: limits)
        for piece in pieces {
            let bytes = Array(piece)
            var offset = 0
            while offset < bytes.count, refusal == nil {
                note(parser.parse(bytes.span, at: &offset))
            }
        }
        // A parser that refused says nothing about progress.
        if refusal == nil { progress = parser.progress }
    }

    /// Feeds everything at once.
    init(_ text: String, limits: MessageLimits = MessageLimits()) {
        self.init([Array(text.utf8)[...]], limits: limits)
    }

    private mutating func note(_ event: RequestParser.Event) {
        switch event {
        case .needsMore: break
        case .bodyFollows(let request, let awaits):
            if awaits { events.append("continue \(request.head.path ?? "")") }
        case .refused(let reason): refusal = reason
        case .request(let request):
            let fields = request.head.headerFields.map { "\($0.name): \($0.value)" }
            events.append(
                "\(request.head.method) \(request.head.path ?? "") \(request.head.authority ?? "-") "
                    + "\(request.version) \(request.keepsAlive) \(fields) \(request.body.count)")
            bodies.append(request.body)
        }
    }
}

/// Requests that must be accepted; between them they touch every state of the parser.
let validRequests = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\nGET /a?b=c%20d HTTP/1.1\r\nHost: [::1]:80\r\nAccept:  x\t \r\nX:\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
    "GET http://example.org:81/p?q HTTP/1.1\r\nHost: other\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: x, close\r\n\r\n",
    "POST /p HTTP/1.1\r\nhost: a\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\nabc",
    "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
        + "5\r\nhello\r\n00A;x=\"y;\";z\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "BREW /pot HTTP/1.1\r\nHost: a\r\nX-Cafe: \u{fc}ber\r\n\r\n",
]
