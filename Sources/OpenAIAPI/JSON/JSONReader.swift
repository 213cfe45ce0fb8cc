// SPDX-License-Identifier: Apache-2.0

/// A strict pull reader over one JSON document (RFC 8259): it sees duplicate keys, caps the nesting
/// and names the byte where the document goes wrong.
///
/// A caller asks for what it expects and the reader either delivers it or throws; no tree is built,
/// so a body of numbers costs no more memory than the numbers. Why not Foundation's decoder:
/// `docs/decisions/0004-strict-json-reader.md`.
package struct JSONReader: Sendable {
    /// The deepest nesting read; the deepest known field has three levels.
    package static let maxDepth = 64
    /// The most members of one object, which bounds the set kept to find duplicates.
    package static let maxMemberCount = 65_536

    /// The document.
    let bytes: [UInt8]
    /// The next byte to read.
    package internal(set) var offset = 0
    private var openContainers: [Container] = []
    /// The keys seen so far in each open object.
    private var openKeys: [Set<String>] = []

    private struct Container {
        let close: UInt8
        var isEmpty = true

        var isObject: Bool { close == UInt8(ascii: "}") }
    }

    /// Starts before the first byte of `bytes`.
    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The kind of the next value, told from its first byte without consuming it.
    package mutating func peekKind() throws(APIError) -> JSONKind {
        skipWhitespace()
        guard let byte = peekByte(), let kind = JSONKind(firstByte: byte) else {
            throw malformed(wanted: "a value")
        }
        return kind
    }

    /// Steps over the opening brace of an object; its members then come from `nextKey()`.
    package mutating func beginObject() throws(APIError) {
        try begin(open: UInt8(ascii: "{"), close: UInt8(ascii: "}"))
    }

    /// Steps over the opening bracket of an array; its elements then come after `nextElement()`.
    package mutating func beginArray() throws(APIError) {
        try begin(open: UInt8(ascii: "["), close: UInt8(ascii: "]"))
    }

    /// The next member's key, with the reader before its value; nil steps over the closing brace.
    package mutating func nextKey() throws(APIError) -> String? {
        guard try nextElement() else { return nil }
        skipWhitespace()
        let keyOffset = offset
        guard peekByte() == UInt8(ascii: "\"") else { throw malformed(wanted: "a key in quotes") }
        let key = try readString()
        try rememberKey(key, at: keyOffset)
        skipWhitespace()
        try expect(UInt8(ascii: ":"), wanted: "':'")
        return key
    }

    /// Whether another element follows, with the reader before it; false steps over the closing
    /// bracket. A comma before the bracket is found out by whatever reads the element.
    package mutating func nextElement() throws(APIError) -> Bool {
        precondition(!openContainers.isEmpty, "no container is open")
        let last = openContainers.count - 1
        let close = openContainers[last].close
        skipWhitespace()
        if peekByte() == close {
            offset += 1
            if openContainers.removeLast().isObject { openKeys.removeLast() }
            return false
        }
        if openContainers[last].isEmpty {
            openContainers[last].isEmpty = false
        } else {
            try expect(UInt8(ascii: ","), wanted: "',' or '\(Character(Unicode.Scalar(close)))'")
        }
        return true
    }

    /// Consumes a `null` and says so, or leaves any other value where it is.
    package mutating func consumeNull() throws(APIError) -> Bool {
        guard try peekKind() == .null else { return false }
        try expectWord("null")
        return true
    }

    /// Reads `true` or `false`.
    package mutating func readBoolean() throws(APIError) -> Bool {
        skipWhitespace()
        if peekByte() == UInt8(ascii: "t") {
            try expectWord("true")
            return true
        }
        try expectWord("false")
        return false
    }

    /// Steps over one value of any kind, checking it as strictly as if it were used.
    package mutating func skipValue() throws(APIError) {
        switch try peekKind() {
        case .object:
            try beginObject()
            while try nextKey() != nil { try skipValue() }
        case .array:
            try beginArray()
            while try nextElement() { try skipValue() }
        case .string: _ = try readString()
        case .number: _ = try readNumber()
        case .boolean: _ = try readBoolean()
        case .null: try expectWord("null")
        }
    }

    /// Checks that only whitespace is left.
    package mutating func finish() throws(APIError) {
        skipWhitespace()
        guard offset == bytes.count else { throw malformed(wanted: "the end of the body") }
    }
}

extension JSONReader {
    private mutating func begin(open: UInt8, close: UInt8) throws(APIError) {
        skipWhitespace()
        guard openContainers.count < Self.maxDepth else {
            throw malformed(wanted: "at most \(Self.maxDepth) levels of nesting")
        }
        try expect(open, wanted: "'\(Character(Unicode.Scalar(open)))'")
        let container = Container(close: close)
        openContainers.append(container)
        if container.isObject { openKeys.append([]) }
    }

    private mutating func rememberKey(_ key: String, at keyOffset: Int) throws(APIError) {
        let last = openKeys.count - 1
        guard openKeys[last].count < Self.maxMemberCount else {
            throw malformed(wanted: "at most \(Self.maxMemberCount) keys in an object")
        }
        guard openKeys[last].insert(key).inserted else {
            let name = APIError.clipped(key)
            throw .invalid(
                openContainers.count == 1 ? name : nil,
                "the key \"\(name)\" at byte \(keyOffset) appears twice in one object")
        }
    }

    mutating func skipWhitespace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x0A, 0x0D, 0x09: offset += 1
            default: return
            }
        }
    }

    func peekByte() -> UInt8? {
        offset < bytes.count ? bytes[offset] : nil
    }

    mutating func expect(_ byte: UInt8, wanted: @autoclosure () -> String) throws(APIError) {
        guard peekByte() == byte else { throw malformed(wanted: wanted()) }
        offset += 1
    }

    private mutating func expectWord(_ word: StaticString) throws(APIError) {
        let length = word.utf8CodeUnitCount
        let end = min(offset + length, bytes.count)
        guard bytes[offset..<end].elementsEqual("\(word)".utf8) else {
            throw malformed(wanted: "'\(word)'")
        }
        offset = end
    }

    /// The error of a document that is not JSON at the current byte.
    func malformed(wanted: String) -> APIError {
        .malformedJSON(at: offset, wanted: wanted, found: describeNextByte())
    }

    private func describeNextByte() -> String {
        switch peekByte() {
        case nil: "the end of the body"
        case .some(let byte) where (0x21...0x7E).contains(byte):
            "'\(Character(Unicode.Scalar(byte)))'"
        case .some(let byte): "the byte 0x\(String(byte, radix: 16, uppercase: true))"
        }
    }
}
