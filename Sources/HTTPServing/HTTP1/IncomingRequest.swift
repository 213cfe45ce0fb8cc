// SPDX-License-Identifier: Apache-2.0

package import HTTPTypes

/// A complete request as a route sees it.
package struct IncomingRequest: Sendable {
    /// Method, path with query, authority and fields.
    package var head: HTTPRequest
    /// The body, without transfer and content coding.
    package var body: [UInt8]
    /// What a `/*` at the end of the route's pattern stood for, percent-decoded; else empty.
    package var pathTail: String
    /// The name of the key that the request showed; nil where none is asked for.
    package var keyName: String?
    /// The share of the work that the key's holder has in proportion to others.
    package var keyWeight = 1
    /// What logs and the answer's `X-Request-Id` call it.
    package var id = RequestID(nil, number: 0)
    /// What the server itself wants of the fields.
    var notes: RequestNotes?
    /// Whether the client lets the connection live on after the answer.
    var keepsAlive = true
    /// Decides between the chunked coding and an end by closing.
    var version = HTTPVersion.http11

    /// A request made by hand, for tests of routes.
    package init(head: HTTPRequest, body: [UInt8] = [], pathTail: String = "") {
        self.head = head
        self.body = body
        self.pathTail = pathTail
    }
}
