// SPDX-License-Identifier: Apache-2.0

/// Bounds of one request message.
package struct MessageLimits: Hashable, Sendable {
    /// The request line with its CRLF; 414 above. 8 KiB is what RFC 9112 asks for at least.
    package var maxRequestLineBytes = 8 << 10
    /// Request line and fields together, and again a body's trailers and chunk extensions; 431 above.
    package var maxHeaderBytes = 32 << 10
    /// Field lines of one request; 431 above.
    package var maxFieldCount = 128
    /// The body without its chunk framing; 413 above.
    package var maxBodyBytes = 32 << 20

    /// The defaults.
    package init() {}
}
