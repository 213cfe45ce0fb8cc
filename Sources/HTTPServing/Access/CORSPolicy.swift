// SPDX-License-Identifier: Apache-2.0

/// The web pages whose scripts may read answers (the Fetch standard's CORS protocol); without credentials,
/// as keys come in a field of the script's own.
package struct CORSPolicy: Hashable, Sendable {
    private let origins: Set<String>
    private let allowsAny: Bool

    /// `*`, or origins such as `https://chat.example`; nil where one is neither.
    package init?(origins: [String]) {
        guard !origins.isEmpty, origins.allSatisfy({ $0 == "*" || Self.isOrigin($0) }) else {
            return nil
        }
        allowsAny = origins.contains("*")
        self.origins = Set(origins.map { $0.lowercased() })
    }

    /// Seconds for which a browser may remember the answer to a preflight.
    static let maxAgeSeconds = "600"
    /// Fields of answers that scripts may read beside the harmless ones.
    private static let exposed = "X-Request-Id, X-Ignored-Params, Retry-After"

    /// Appends the fields of an answer to a page of this origin.
    func appendFields(for origin: String?, to fields: inout [UInt8]) {
        if !allowsAny { fields.append(ascii: "\r\nVary: Origin") }
        guard let origin, allows(origin) else { return }
        fields.append(ascii: "\r\nAccess-Control-Allow-Origin: ")
        fields.append(ascii: allowsAny ? "*" : origin)
        fields.append(ascii: "\r\nAccess-Control-Expose-Headers: \(Self.exposed)")
    }

    /// Whether a page of this origin is allowed.
    func allows(_ origin: String) -> Bool {
        allowsAny || origin.lowercasedASCII.map(origins.contains) == true
    }

    /// `scheme://host` with a port perhaps, or what sandboxed pages and files have.
    private static func isOrigin(_ text: String) -> Bool {
        if text == "null" { return true }
        guard let range = text.firstRange(of: "://"), range.lowerBound > text.startIndex else {
            return false
        }
        let host = text[range.upperBound...]
        return !host.isEmpty && host.utf8.allSatisfy(ByteClass.isHost)
            && text[..<range.lowerBound].utf8.allSatisfy(ByteClass.isToken)
    }
}
