// SPDX-License-Identifier: Apache-2.0

/// The codings that a request's body may have (RFC 9110 section 8.4.1).
enum ContentCoding: Hashable {
    /// RFC 1952; any number of members.
    case gzip
    /// RFC 1950: deflate in the zlib format.
    case deflate

    /// What the server says it accepts, for the answer to other codings.
    static let supported = "gzip, deflate"

    /// Reads Content-Encoding; nil where there is none.
    /// - Throws: `Refusal.unsupportedContentCoding` for other codings, and for several at once.
    init?(_ value: String?) throws(Refusal) {
        switch value?.lowercased() {
        case nil, "identity": return nil
        case "gzip", "x-gzip": self = .gzip
        case "deflate": self = .deflate
        default: throw .unsupportedContentCoding
        }
    }

    /// zlib's name of the format: 15 bits of window, 16 more for gzip.
    var windowBits: Int32 { self == .gzip ? 31 : 15 }
}
