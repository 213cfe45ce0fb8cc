// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tokenization

@Suite struct CanonicalComposerTests {
    private func composed(_ text: String) -> String {
        let bytes = Array(text.utf8)
        let composed = ClassifiedText(bytes).composed(bytes.indices)
        return String(decoding: composed ?? bytes, as: UTF8.self)
    }

    /// Foundation is no reference: it leaves a Hangul syllable and a final consonant apart.
    @Test func `random text composes as the reference composes it`() throws {
        let vectors = try Fixture.decode(FuzzVectors.self, from: "fuzz.json")

        #expect(vectors.composed.count == 400)
        for pair in vectors.composed {
            #expect(composed(pair[0]).unicodeScalars.elementsEqual(pair[1].unicodeScalars))
        }
    }

    @Test func `text that is composed already stays as it is`() {
        let bytes = Array("Ünïcödé 漢字 한국어 🦙".utf8)

        #expect(ClassifiedText(bytes).composed(bytes.indices) == nil)
    }

    @Test func `a long run of marks is sorted and kept`() {
        let marks = String(repeating: "\u{301}\u{323}", count: 50_000)

        let scalars = composed("a" + marks).unicodeScalars.map(\.value)

        // U+0323 has the lower class: it joins the letter, the others of it come first.
        #expect(scalars.count == 100_000)
        #expect(scalars[0] == 0x1EA1 && scalars[1] == 0x323 && scalars[50_000] == 0x301)
    }
}
