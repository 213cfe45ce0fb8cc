// SPDX-License-Identifier: Apache-2.0

package import HTTPTypes

/// What a server is made from.
package struct HTTPServerConfiguration: Sendable {
    /// The routes; fixed for the server's life.
    package var routes: RouteTable<Responder>
    /// Bounds and time-outs.
    package var limits = HTTPServerLimits()
    /// Writes the body of an answer that the server gives itself.
    package var refusalBody: @Sendable (Refusal) -> ResponseBody = { .text($0.message + "\n") }
    /// Whom to answer; nil for anybody.
    package var access: AccessPolicy?
    /// The pages whose scripts may read answers; nil for none but the server's own.
    package var cors: CORSPolicy?
    /// Called on the loop after each exchange; must be quick.
    package var accessLog: (@Sendable (AccessRecord) -> Void)?
    /// Targets that machines ask for without end; only logged when they are
    /// refused for want of a key.
    package var unloggedTargets: [String] = []

    /// A server of these routes with the default limits.
    package init(routes: RouteTable<Responder>) {
        self.routes = routes
    }
}

/// Answers one request: called on the loop, it responds at once or keeps the exchange for later.
package typealias Responder =
    @Sendable (IncomingRequest, Exchange, isolated HTTPServer) -> Void

/// Bytes with their media type.
package struct ResponseBody: Sendable {
    /// The value of Content-Type.
    package var contentType: String
    /// The bytes.
    package var bytes: [UInt8]

    /// Bytes of a type.
    package init(contentType: String, bytes: [UInt8]) {
        self.contentType = contentType
        self.bytes = bytes
    }

    /// Plain text.
    package static func text(_ text: String) -> ResponseBody {
        ResponseBody(contentType: "text/plain; charset=utf-8", bytes: Array(text.utf8))
    }
}

/// One finished exchange, for the access log.
package struct AccessRecord: Sendable {
    /// The method; `-` for a request that was refused before it was read.
    package var method: String
    /// What the answer's `X-Request-Id` said.
    package var requestID: RequestID
    /// The client's address; `unix` on a Unix socket.
    package var client: String
    /// The name of the client's key.
    package var keyName: String?
    /// Path and query as the client wrote them.
    package var target: String
    /// The status sent; nil where the client left before an answer.
    package var status: HTTPResponse.Status?
    /// Body bytes of the response, before framing.
    package var bodyBytes: Int
    /// From the complete request to the end of the response.
    package var duration: Duration
    /// Why the exchange did not run to its end.
    package var cancelReason: CancelReason?
}

/// Why an exchange ends before its response does; the raw values are those of the metric's label.
package enum CancelReason: String, CaseIterable, Hashable, Sendable {
    /// The client closed or reset the connection, or only its sending side.
    case departed
    /// The client reads too slowly: too many bytes wait, or none moved for the stall time-out.
    case slowReader = "slow_reader"
    /// The server stops and the grace period is over.
    case shutdown
    /// The route gave up by `Exchange.abort`.
    case aborted
}
