// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

/// How the end of a response's body is shown to the client (RFC 9112 section 6.3).
enum ResponseFraming: Hashable {
    /// HEAD, 204 and 304: whatever the route writes is dropped.
    case noBody(statedLength: Int?)
    case length(Int)
    case chunked
    /// HTTP/1.0: the body ends where the connection ends.
    case untilClose
}

/// Writes heads and chunks; the only place that knows how a response looks on the wire.
enum ResponseEncoder {
    /// Appends status line and fields. The framing fields are this function's own: a route's
    /// Content-Length, Transfer-Encoding, Connection and Keep-Alive are left out.
    static func appendHead(
        _ response: HTTPResponse, framing: ResponseFraming, version: HTTPVersion,
        keepsAlive: Bool, date: [UInt8], requestID: RequestID?, added: [UInt8],
        to output: inout [UInt8]
    ) {
        output.append(ascii: "HTTP/1.1 ")
        output.append(decimal: response.status.code)
        output.append(ascii: " ")
        output.append(ascii: response.status.reasonPhrase)
        output.append(ascii: "\r\nDate: ")
        output.append(contentsOf: date)
        switch framing {
        case .length(let length), .noBody(statedLength: .some(let length)):
            output.append(ascii: "\r\nContent-Length: ")
            output.append(decimal: length)
        case .chunked: output.append(ascii: "\r\nTransfer-Encoding: chunked")
        case .noBody(statedLength: nil), .untilClose: break
        }
        if !keepsAlive {
            output.append(ascii: "\r\nConnection: close")
        } else if version == .http10 {
            output.append(ascii: "\r\nConnection: keep-alive")
        }
        for field in response.headerFields where !isFraming(field.name) {
            output.append(ascii: "\r\n")
            output.append(ascii: field.name.rawName)
            output.append(ascii: ": ")
            field.withUnsafeBytesOfValue { output.append(contentsOf: $0) }
        }
        requestID?.appendField(to: &output)
        output.append(contentsOf: added)
        output.append(ascii: "\r\n\r\n")
    }

    /// Appends one chunk; nothing for no bytes, as an empty chunk would end the body.
    static func appendChunk(_ bytes: [UInt8], to output: inout OutputQueue) {
        guard !bytes.isEmpty else { return }
        output.appendToTail {
            $0.append(hexadecimal: bytes.count)
            $0.append(ascii: "\r\n")
        }
        output.append(bytes)
        output.appendToTail { $0.append(ascii: "\r\n") }
    }

    static let lastChunk = Array("0\r\n\r\n".utf8)
    static let continueHead = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    private static func isFraming(_ name: HTTPField.Name) -> Bool {
        switch name.canonicalName {
        case "content-length", "transfer-encoding", "connection", "keep-alive", "date",
            "x-request-id":
            true
        default: false
        }
    }
}
