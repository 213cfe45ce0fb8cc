// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import HTTPServing
internal import HTTPTypes

/// The page at `/`: markup, style and script in one document, which asks nothing but this server.
struct StartPage: Sendable {
    private let body: [UInt8]
    private let head: HTTPResponse
    /// Weak, since gzip makes other bytes of the same page (RFC 9110 section 8.8.1).
    private let entityTag: String

    init() {
        body = Array(
            """
            <!doctype html>
            <html lang="en">
            <head>
            \(Self.meta)
            <style>\(Self.style)</style>
            </head>
            <body>
            \(Self.markup)
            <script>\(Self.script)</script>
            </body>
            </html>

            """.utf8)
        entityTag = "W/\"\(Self.digest(body))\""
        var fields: HTTPFields = [
            .contentType: "text/html; charset=utf-8", .cacheControl: "no-cache",
            .eTag: entityTag, .contentSecurityPolicy: Self.policy, .xContentTypeOptions: "nosniff",
        ]
        if let name = HTTPField.Name("Referrer-Policy") { fields[name] = "no-referrer" }
        head = HTTPResponse(status: .ok, headerFields: fields)
    }

    /// The page, or 304 without it to a client that has this one already.
    func response(ifNoneMatch: String?) -> (head: HTTPResponse, body: [UInt8]) {
        guard let ifNoneMatch, matches(ifNoneMatch) else { return (head, body) }
        var head = head
        head.status = .notModified
        head.headerFields[.contentType] = nil
        head.headerFields[.vary] = "Accept-Encoding"
        return (head, [])
    }

    /// Compares weakly (RFC 9110 section 13.1.2).
    private func matches(_ ifNoneMatch: String) -> Bool {
        ifNoneMatch.split(separator: ",").contains {
            let tag = $0.trimmingCharacters(in: .whitespaces)
            return tag == "*" || tag == entityTag || "W/\(tag)" == entityTag
        }
    }

    /// Lets the page run its own script in its own style, ask this server, and nothing else
    /// (Content Security Policy Level 3).
    private static var policy: String {
        [
            "default-src 'none'", "script-src 'sha256-\(digest(Array(script.utf8)))'",
            "style-src 'sha256-\(digest(Array(style.utf8)))'", "connect-src 'self'",
            "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ].joined(separator: "; ")
    }

    private static func digest(_ bytes: [UInt8]) -> String {
        Data(SHA256Digest(of: bytes).bytes).base64EncodedString()
    }
}
