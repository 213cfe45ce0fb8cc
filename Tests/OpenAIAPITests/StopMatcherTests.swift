// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import OpenAIAPI

@Suite struct StopMatcherTests {
    /// Feeds the pieces and returns the text of each step, the stop string and what came at the end.
    private func run(
        _ pieces: [String], stops: [String], includesStopString: Bool = false
    ) -> (steps: [String], stop: String?, rest: String) {
        var matcher = StopMatcher(stops: stops, includesStopString: includesStopString)
        var steps: [String] = []
        var stop: String?
        for piece in pieces {
            let output = matcher.append(piece.utf8)
            steps.append(String(decoding: output.text, as: UTF8.self))
            stop = stop ?? output.stop
        }
        return (steps, stop, String(decoding: matcher.finish(), as: UTF8.self))
    }

    @Test func `only what can become a stop string is held back`() {
        let result = run(["hello \n", "world\n", "\nmore"], stops: ["\n\n"])

        #expect(result.steps == ["hello ", "\nworld", ""])
        #expect(result.stop == "\n\n")
        #expect(result.rest == "")
    }

    @Test func `a start that overlaps itself is not lost`() {
        let result = run(["a", "a", "a", "b", "c"], stops: ["aab"])

        #expect(result.steps == ["", "", "a", "", ""])
        #expect(result.stop == "aab")
    }

    @Test func `a stop string inside one piece cuts the rest off`() {
        let result = run(["one STOP two", " three"], stops: ["STOP"])

        #expect(result.steps == ["one ", ""])
        #expect(result.stop == "STOP")
        #expect(result.rest == "")
    }

    @Test func `a stop string may be the very first text`() {
        let result = run(["##", "#x"], stops: ["###"])

        #expect(result.steps == ["", ""])
        #expect(result.stop == "###")
    }

    @Test func `the stop string stays if it was asked for`() {
        let result = run(["ab", "cd", "ef"], stops: ["cde"], includesStopString: true)

        #expect(result.steps == ["ab", "", "cde"])
        #expect(result.stop == "cde")
    }

    @Test func `what was held back comes out when the text ends`() {
        let result = run(["abc", "aa"], stops: ["aab"])

        #expect(result.steps == ["abc", ""])
        #expect(result.stop == nil)
        #expect(result.rest == "aa")
    }

    @Test func `the match that ends first wins`() {
        #expect(run(["abcd"], stops: ["abcd", "bc"]).stop == "bc")
        #expect(run(["abcd"], stops: ["abcd", "bc"]).steps == ["a"])
    }

    @Test func `of matches that end together the longest wins`() {
        #expect(run(["xabc"], stops: ["c", "abc", "bc"]).stop == "abc")
        #expect(run(["xabc"], stops: ["c", "abc", "bc"]).steps == ["x"])
    }

    @Test func `a string that can never end first holds nothing back`() {
        #expect(run(["za"], stops: ["abcd", "bc"]).steps == ["za"])
    }

    @Test func `characters of several bytes come out whole`() {
        let result = run(["zażó", "ł", "ć 🦉", "🦊"], stops: ["łć 🦊", "🦉🦉"])

        #expect(result.steps == ["zażó", "", "łć ", "🦉🦊"])
        #expect(result.stop == nil)
    }

    @Test func `without stop strings everything passes`() {
        #expect(run(["a", "b"], stops: []).steps == ["a", "b"])
    }

    @Test(arguments: UInt64(1)...50)
    func `any pieces give what a search of the whole text gives`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let text = randomText(maxCount: 40, using: &generator)
            let stops = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                "a" + randomText(maxCount: 4, using: &generator)
            }
            let includesStopString = Bool.random(using: &generator)
            let pieces = randomPieces(of: text, using: &generator)

            let result = run(pieces, stops: stops, includesStopString: includesStopString)

            let expected = search(text, stops: stops, includesStopString: includesStopString)
            #expect(result.steps.joined() + result.rest == expected.text)
            #expect(result.stop == expected.stop)
        }
    }

    @Test(arguments: UInt64(1)...20)
    func `after each piece exactly the longest possible start is missing`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let stop = "a" + randomText(maxCount: 5, using: &generator)
            let text = randomText(maxCount: 30, using: &generator)
            guard search(text, stops: [stop], includesStopString: false).stop == nil else {
                continue
            }
            var matcher = StopMatcher(stops: [stop])
            var seen = ""
            var passed = ""
            for piece in randomPieces(of: text, using: &generator) {
                seen += piece

                passed += String(decoding: matcher.append(piece.utf8).text, as: UTF8.self)

                let starts = (0..<stop.count).map { String(stop.prefix($0)) }
                let held = starts.last { seen.hasSuffix($0) } ?? ""
                #expect(passed + held == seen)
            }
        }
    }

    private func randomText(maxCount: Int, using generator: inout SeededGenerator) -> String {
        let count = Int.random(in: 0...maxCount, using: &generator)
        return String((0..<count).map { _ in "aab🦉".randomElement(using: &generator) ?? "a" })
    }

    private func randomPieces(of text: String, using generator: inout SeededGenerator) -> [String] {
        var pieces: [String] = []
        var rest = text[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 0...4, using: &generator))
            pieces.append(String(piece))
            rest = rest.dropFirst(piece.count)
        }
        return pieces
    }

    /// The definition: the shortest start of the text that ends with a stop string, and of those the
    /// longest.
    private func search(
        _ text: String, stops: [String], includesStopString: Bool
    ) -> (text: String, stop: String?) {
        for count in 0...text.count {
            let start = text.prefix(count)
            let matches = stops.filter { start.hasSuffix($0) }
            if let stop = matches.max(by: { $0.utf8.count < $1.utf8.count }) {
                return (String(includesStopString ? start : start.dropLast(stop.count)), stop)
            }
        }
        return (text, nil)
    }
}
