// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

/// When a response goes out in gzip.
enum ResponseCoding {
    /// From here on gzip saves more than it costs: a shorter answer fits one packet as it is.
    static let minBytes = 1 << 10
    /// Above, compressing would keep the loop from other clients for over ten milliseconds.
    static let maxBytes = 1 << 20

    /// Puts a whole response into gzip if the client prefers it and it is worth it.
    static func apply(
        _ accepted: String?, to response: inout HTTPResponse, body: inout [UInt8]
    ) {
        guard body.count >= minBytes, body.count <= maxBytes, isCompressible(response) else {
            return
        }
        response.headerFields.append(HTTPField(name: .vary, value: "Accept-Encoding"))
        guard AcceptEncoding(accepted).prefersGzip, let coded = GzipEncoder.encoded(body) else {
            return
        }
        response.headerFields[.contentEncoding] = "gzip"
        body = coded
    }

    /// The encoder of a streamed response: only for a client that refuses to have it without, as each
    /// event is then flushed by itself. Accept-Encoding alone says little: every client sends it.
    static func encoder(
        _ accepted: String?, of response: inout HTTPResponse
    ) -> GzipEncoder? {
        guard accepted != nil, isCompressible(response) else { return nil }
        let wish = AcceptEncoding(accepted)
        guard wish.prefersGzip, wish.refusesIdentity, let encoder = GzipEncoder(forStream: true)
        else { return nil }
        response.headerFields.append(HTTPField(name: .vary, value: "Accept-Encoding"))
        response.headerFields[.contentEncoding] = "gzip"
        return encoder
    }

    private static func isCompressible(_ response: HTTPResponse) -> Bool {
        guard response.headerFields[.contentEncoding] == nil,
            let type = response.headerFields[.contentType]
        else { return false }
        return type.hasPrefix("text/") || type.hasPrefix("application/json")
    }
}
