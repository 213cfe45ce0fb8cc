// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import OpenAIAPI

@Suite struct JSONReaderTests {
    /// Steps over one document, as strictly as the reader reads.
    private func check(_ bytes: [UInt8]) throws(APIError) {
        var reader = JSONReader(bytes)
        try reader.skipValue()
        try reader.finish()
    }

    @Test(arguments: [
        "{}", "[]", " [ 1 , 2 ] ", #"{"a":{"b":[null,true,false]}}"#, "0", "-0", "1.5e-3", "1E+2",
        #""a\"\\\/\b\f\n\r\t\u0041\ud83e\udD89""#, "\t\r\n \"\u{7F}\" ",
    ])
    func `valid documents are read to their end`(document: String) throws {
        try check(Array(document.utf8))
    }

    @Test(arguments: [
        "", " ", "{", "[", "}", "]", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
        "{a:1}", "{\"a\":1 \"b\":2}", "[1]]", "{} x", "nul", "truE", "NaN", "Infinity", "-Infinity",
        "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x10", "1e400", "-1e400", "'a'",
        "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\ud800\"", "\"\\ud800\\u0041\"",
        "\"\\udc00\"", "\"\\ud800\\ud800\"", "\"tab\there\"", "\"line\nbreak\"", "[}", "{]",
        "// comment\n1", "\u{FEFF}1",
    ])
    func `what is not JSON is refused`(document: String) {
        #expect(throws: APIError.self) { try check(Array(document.utf8)) }
    }

    @Test(
        arguments: [
            [0x80], [0xC3], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
        ] as [[UInt8]])
    func `bytes that are not UTF-8 are refused`(text: [UInt8]) {
        #expect(throws: APIError.self) { try check([0x22] + text + [0x22]) }
    }

    @Test func `an error names the byte, what was wanted and what was found`() {
        let error = #expect(throws: APIError.self) { try check(Array(#"{"a": 1, b}"#.utf8)) }

        #expect(
            error?.message
                == "the body is not valid JSON: wanted a key in quotes at byte 9, found 'b'")
    }

    @Test(arguments: [
        #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#, #"{"x":{"k":1,"j":2,"k":3}}"#,
        #"[{"":0,"":0}]"#, #"{"a":{"b":1},"a":2}"#,
    ])
    func `a key that comes twice is refused at any depth`(document: String) {
        let error = #expect(throws: APIError.self) { try check(Array(document.utf8)) }

        #expect(error?.message.contains("appears twice") == true)
    }

    @Test func `the same key in two objects is fine`() throws {
        try check(Array(#"[{"a":1},{"x":{"a":2},"a":{"a":3}}]"#.utf8))
    }

    @Test(arguments: ["[", #"{"a":"#])
    func `nesting is cut off at the limit and not at the end of the stack`(opening: String) throws {
        let deep = String(repeating: opening, count: 10_000)
        let closing = opening == "[" ? "]" : "}"
        let deepest =
            String(repeating: opening, count: JSONReader.maxDepth) + (opening == "[" ? "" : "1")
            + String(repeating: closing, count: JSONReader.maxDepth)

        try check(Array(deepest.utf8))
        let error = #expect(throws: APIError.self) { try check(Array(deep.utf8)) }

        #expect(error?.message.contains("64 levels") == true)
    }

    @Test func `an object with too many keys is refused`() {
        let members = (0...JSONReader.maxMemberCount).map { "\"\($0)\":0" }
        let document = "{" + members.joined(separator: ",") + "}"

        let error = #expect(throws: APIError.self) { try check(Array(document.utf8)) }

        #expect(error?.message.contains("65536 keys") == true)
    }

    @Test(
        arguments: [
            ("0", .integer(0)), ("-0", .integer(0)), ("16", .integer(16)), ("16.0", .real(16)),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("9223372036854775808", .real(0x1p63)), ("-9223372036854775809", .real(-0x1p63)),
            ("1e3", .real(1000)), ("0.1", .real(0.1)), ("5e-324", .real(.leastNonzeroMagnitude)),
            ("1e-400", .real(0)),
        ] as [(String, JSONNumber)])
    func `numbers keep their value`(text: String, expected: JSONNumber) throws {
        var reader = JSONReader(Array(text.utf8))

        let number = try reader.readNumber()

        #expect(number == expected)
    }

    @Test(
        arguments: [
            (.integer(.max), .max), (.real(16), 16), (.real(16.5), nil), (.real(0x1p53), 1 << 53),
            (.real(0x1p63), nil), (.real(-0x1p63), nil),
        ] as [(JSONNumber, Int64?)])
    func `only numbers that stand for one integer count as one`(
        number: JSONNumber, expected: Int64?
    ) {
        #expect(number.exactInteger == expected)
    }

    @Test func `a number of a million digits is refused`() {
        let error = #expect(throws: APIError.self) {
            try check(Array(repeating: UInt8(ascii: "1"), count: 1_000_000))
        }

        #expect(error?.message.contains("128 bytes") == true)
    }

    @Test func `escapes become the characters they stand for`() throws {
        var reader = JSONReader(Array(#""a\"\\\/\b\f\n\r\t\u00e9\ud83e\udd89\u0000ż""#.utf8))

        let text = try reader.readString()

        #expect(text == "a\"\\/\u{8}\u{C}\n\r\té🦉\0ż")
    }
}
