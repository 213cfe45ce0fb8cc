// SPDX-License-Identifier: Apache-2.0

/// What the server itself wants of a request's fields, beside framing. Apart from the request, as most have
/// none of it and requests are passed on from hand to hand.
final class RequestNotes: Sendable {
    /// Accept-Encoding, several fields joined.
    let acceptEncoding: String?
    /// The client's X-Request-Id, whatever it is.
    let clientID: String?
    /// The page whose script sent it.
    let origin: String?

    /// The notes so far with one more.
    init(
        _ notes: RequestNotes?, acceptEncoding: String? = nil, clientID: String? = nil,
        origin: String? = nil
    ) {
        self.acceptEncoding =
            if let before = notes?.acceptEncoding, let acceptEncoding {
                "\(before), \(acceptEncoding)"
            } else {
                acceptEncoding ?? notes?.acceptEncoding
            }
        self.clientID = clientID ?? notes?.clientID
        self.origin = origin ?? notes?.origin
    }
}
