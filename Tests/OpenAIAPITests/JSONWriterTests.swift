// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import OpenAIAPI

@Suite struct JSONWriterTests {
    @Test func `every character survives writing and Foundation's parser`() throws {
        let scalars = (UInt32(0)...0x2100).compactMap(Unicode.Scalar.init)
        let text = String(String.UnicodeScalarView(scalars)) + "\u{FFFD}\u{FFFF}🦉\u{10FFFF}"
        var writer = JSONWriter()

        writer.array([text, ""]) { $0.string($1) }

        let parsed = try JSONDecoder().decode([String].self, from: Data(writer.bytes))
        #expect(parsed.first?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
        #expect(parsed.last == "")
    }

    @Test func `commas separate members and elements only`() {
        var writer = JSONWriter()

        writer.beginObject()
        writer.key("a")
        writer.beginArray()
        writer.endArray()
        writer.key("b")
        writer.array([1, 2]) { $0.integer($1) }
        writer.key("c\"")
        writer.beginObject()
        writer.endObject()
        writer.key("d")
        writer.boolean(false)
        writer.endObject()

        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == #"{"a":[],"b":[1,2],"c\"":{},"d":false}"#)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `doubles read back as the same double`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let special = [
            0.0, -0.0, .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude,
            -0.1,
        ]
        let random = (0..<2000).map { _ in Double(bitPattern: generator.next()) }
        let values = special + random.filter(\.isFinite)
        var writer = JSONWriter()

        writer.array(values) { $0.double($1) }

        let parsed = try JSONDecoder().decode([Double].self, from: Data(writer.bytes))
        #expect(parsed == values)
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity])
    func `what is not a number in JSON becomes null`(value: Double) {
        var writer = JSONWriter()

        writer.double(value)

        #expect(writer.bytes == Array("null".utf8))
    }
}
