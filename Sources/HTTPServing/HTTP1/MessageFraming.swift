// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

/// How the end of a request's body is found.
enum BodyFraming: Hashable {
    case none
    case length(Int)
    case chunked
}

/// The fields that decide where a message ends and whether the connection goes on, gathered while
/// the fields arrive (RFC 9112 sections 3.2, 6 and 9).
struct MessageFraming {
    private var host: String?
    private var length: Int?
    private var codings: [String] = []
    private var contentEncoding: String?
    private(set) var notes: RequestNotes?
    private var wantsClose = false
    private var wantsKeepAlive = false
    private(set) var expectsContinue = false

    /// Takes note of one field.
    /// - Throws: the refusal of a field that decides something and is not well-formed.
    mutating func note(_ field: HTTPField) throws(Refusal) {
        switch field.name.canonicalName {
        case "host": try noteHost(field.value)
        case "content-length": try noteLength(field.value)
        case "transfer-encoding": codings += try Self.list(field.value, keepingEmpty: true)
        case "connection":
            for option in try Self.list(field.value) {
                if option == "close" { wantsClose = true }
                if option == "keep-alive" { wantsKeepAlive = true }
            }
        case "content-encoding":
            contentEncoding = contentEncoding.map { "\($0), \(field.value)" } ?? field.value
        case "accept-encoding":
            notes = RequestNotes(notes, acceptEncoding: field.value)
        case "x-request-id": notes = RequestNotes(notes, clientID: field.value)
        case "origin": notes = RequestNotes(notes, origin: field.value)
        case "expect":
            guard field.value.lowercasedASCII == "100-continue" else {
                throw .unsupportedExpectation
            }
            expectsContinue = true
        default: break
        }
    }

    /// The host to go by, checked: present in HTTP/1.1 whatever the target says.
    func authority(for line: RequestLine) throws(Refusal) -> String? {
        guard host != nil || line.version == .http10 else { throw .malformedHost }
        return line.authority ?? host
    }

    /// How the body is delimited. Everything that two parsers could read differently is refused.
    func bodyFraming(of line: RequestLine) throws(Refusal) -> BodyFraming {
        guard !codings.isEmpty else { return try framingByLength(line.method) }
        guard length == nil else { throw .conflictingLengths }
        guard codings.allSatisfy({ $0 == "chunked" || $0.isEmpty }) else {
            throw .unknownTransferCoding
        }
        guard codings == ["chunked"], line.version == .http11 else { throw .invalidTransferCoding }
        return .chunked
    }

    /// What the body is coded in beside its framing.
    func contentCoding() throws(Refusal) -> ContentCoding? { try ContentCoding(contentEncoding) }

    /// Whether the client lets the connection live on.
    func keepsAlive(_ version: HTTPVersion) -> Bool {
        !wantsClose && (version == .http11 || wantsKeepAlive)
    }

    /// A body of unstated length would be read as the next request, so that methods that want a body
    /// must state one, if it is 0.
    private func framingByLength(_ method: HTTPRequest.Method) throws(Refusal) -> BodyFraming {
        switch (length, method) {
        case (nil, .post), (nil, .put), (nil, .patch): throw .lengthRequired
        case (nil, _), (0, _): return .none
        case (.some(let length), _): return .length(length)
        }
    }

    private mutating func noteHost(_ value: String) throws(Refusal) {
        guard host == nil, value.utf8.allSatisfy(ByteClass.isHost) else { throw .malformedHost }
        host = value
    }

    private mutating func noteLength(_ value: String) throws(Refusal) {
        let zero = UInt8(ascii: "0")
        guard length == nil, !value.isEmpty,
            value.utf8.allSatisfy({ $0 >= zero && $0 <= UInt8(ascii: "9") })
        else { throw .malformedLength }
        guard let number = Int(value) else { throw .malformedLength }
        length = number
    }

    /// The elements of a list, in small letters and without the blanks around them.
    /// - Throws: `Refusal.malformedField` where it is not ASCII, so that characters are bytes.
    private static func list(
        _ value: String, keepingEmpty: Bool = false
    ) throws(Refusal) -> [String] {
        guard let text = value.lowercasedASCII else { throw .malformedField }
        return text.split(separator: ",", omittingEmptySubsequences: !keepingEmpty).map { element in
            let kept = element.drop { $0 == " " || $0 == "\t" }
            let end = kept.lastIndex { $0 != " " && $0 != "\t" }
            return end.map { String(kept[...$0]) } ?? ""
        }
    }
}
