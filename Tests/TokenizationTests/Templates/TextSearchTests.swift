// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tokenization

@Suite struct TextSearchTests {
    /// Where `pattern` occurs in `text`, by comparing at each place.
    private func places(of pattern: [UInt8], in text: [UInt8]) -> [Int] {
        text.indices.filter { text[$0...].starts(with: pattern) }
    }

    @Test(arguments: UInt64(1)...20)
    func `a text is found where comparing at each place finds it`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        func text(_ counts: ClosedRange<Int>) -> String {
            let count = Int.random(in: counts, using: &generator)
            return (0..<count).map { _ in Bool.random(using: &generator) ? "a" : "b" }.joined()
        }
        for _ in 0..<200 {
            let (whole, part) = (text(0...30), text(1...4))
            let places = places(of: Array(part.utf8), in: Array(whole.utf8))

            let cut = whole.cutAtLast(part)

            #expect(whole.holds(part) == !places.isEmpty, "\(part) in \(whole)")
            #expect(cut?.before.utf8.count == places.last, "\(part) in \(whole)")
            if let cut { #expect(cut.before + part + cut.after == whole) }
        }
    }

    @Test func `texts are cut between code points that make one character`() throws {
        let cut = try #require("e\u{301}\u{6DD}<a\u{301}".cutAtLast("<a"))

        #expect(cut.before.unicodeScalars.elementsEqual("e\u{301}\u{6DD}".unicodeScalars))
        #expect(cut.after.unicodeScalars.elementsEqual("\u{301}".unicodeScalars))
        #expect(!"\u{E9}".holds("e\u{301}"))
        #expect("".holds(""))
    }

    @Test func `repetitive texts are searched in linear time`() {
        // Comparing at each place would take ten billion steps.
        let whole = String(repeating: "a", count: 200_000)
        let part = String(repeating: "a", count: 100_000)

        #expect(!whole.holds(part + "b"))
        #expect(whole.cutAtLast("b" + part) == nil)
    }
}
