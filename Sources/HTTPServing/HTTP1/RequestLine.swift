// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

/// The HTTP versions that the server speaks.
enum HTTPVersion: Hashable, Sendable {
    case http10
    case http11
}

/// `method SP request-target SP HTTP-version` (RFC 9112 section 3), checked byte by byte.
struct RequestLine: Equatable {
    var method: HTTPRequest.Method
    /// Path and query in origin form; `*` for OPTIONS of the whole server.
    var path: String
    /// The host that an absolute-form target named; it replaces the Host field's.
    var authority: String?
    var version: HTTPVersion

    init(parsing line: Span<UInt8>) throws(Refusal) {
        guard let methodEnd = line.firstIndex(of: ByteClass.space), methodEnd > 0,
            methodEnd <= Self.maxMethodBytes,
            let targetEnd = line.firstIndex(of: ByteClass.space, from: methodEnd + 1),
            targetEnd > methodEnd + 1,
            line.extracting(0..<methodEnd).allSatisfy(ByteClass.isToken),
            let method = HTTPRequest.Method(line.extracting(0..<methodEnd).text)
        else { throw .malformedRequestLine }
        version = try Self.version(line.extracting((targetEnd + 1)..<line.count))
        self.method = method
        let target = line.extracting((methodEnd + 1)..<targetEnd)
        guard target.allSatisfy(ByteClass.isTarget) else { throw .malformedTarget }
        guard method != .connect else { throw .unsupportedMethod }
        (path, authority) = try Self.target(target.text, of: method)
    }

    /// Longer than any registered method name.
    private static let maxMethodBytes = 32

    private static func version(_ text: Span<UInt8>) throws(Refusal) -> HTTPVersion {
        let zero = UInt8(ascii: "0")
        let nine = UInt8(ascii: "9")
        guard text.count == 8, text.extracting(0..<5).text == "HTTP/",
            text[5] >= zero, text[5] <= nine, text[6] == UInt8(ascii: "."),
            text[7] >= zero, text[7] <= nine
        else { throw .malformedRequestLine }
        switch (text[5] - zero, text[7] - zero) {
        case (1, 1): return .http11
        case (1, 0): return .http10
        default: throw .unsupportedVersion
        }
    }

    private static func target(
        _ text: String, of method: HTTPRequest.Method
    ) throws(Refusal) -> (path: String, authority: String?) {
        if text.utf8.first == UInt8(ascii: "/") { return (text, nil) }
        if text == "*", method == .options { return (text, nil) }
        let lowered = text.prefix(8).lowercased()
        guard lowered.hasPrefix("http://") || lowered.hasPrefix("https://") else {
            throw .malformedTarget
        }
        let afterScheme = text.dropFirst(lowered.hasPrefix("https") ? 8 : 7)
        let end = afterScheme.firstIndex { $0 == "/" || $0 == "?" } ?? afterScheme.endIndex
        let authority = String(afterScheme[..<end])
        guard !authority.isEmpty, authority.utf8.allSatisfy(ByteClass.isHost) else {
            throw .malformedTarget
        }
        let rest = afterScheme[end...]
        return (rest.first == "/" ? String(rest) : "/" + rest, authority)
    }
}
