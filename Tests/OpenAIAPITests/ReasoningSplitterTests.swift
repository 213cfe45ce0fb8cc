// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import OpenAIAPI

@Suite struct ReasoningSplitterTests {
    private func split(
        _ pieces: [String], _ start: ReasoningSplitter.Start
    ) -> ReasoningSplitter.Text {
        var splitter = ReasoningSplitter(start)
        var whole = ReasoningSplitter.Text()
        for piece in pieces {
            let text = splitter.append(piece)
            whole.reasoning += text.reasoning
            whole.content += text.content
        }
        let rest = splitter.finish()
        return .init(
            reasoning: whole.reasoning + rest.reasoning, content: whole.content + rest.content)
    }

    /// A text, where it begins, its thoughts and its answer.
    static let texts: [(String, ReasoningSplitter.Start, String, String)] = [
        ("plain", .open, "", "plain"), ("  plain ", .open, "", "  plain "), ("", .open, "", ""),
        ("<think>why</think>because", .open, "why", "because"),
        ("\n<think>\nwhy\n so \n</think>\n\nbecause \n", .open, "why\n so", "because \n"),
        ("<think></think>x", .open, "", "x"), ("<think>\n\n</think>\n\nx", .open, "", "x"),
        ("<think>only", .open, "only", ""), ("<think>only </thi", .open, "only </thi", ""),
        ("<think", .open, "", "<think"), ("<thinker>x", .open, "", "<thinker>x"),
        ("x <think>y</think>", .open, "", "x <think>y</think>"),
        ("why</think>because", .inside, "why", "because"),
        ("\nwhy </thin </think> because", .inside, "why </thin", "because"),
        ("a < b </think>c </think>", .inside, "a < b", "c </think>"),
        ("  é\u{3000}日 ", .inside, "é\u{3000}日", ""), ("   ", .inside, "", ""),
        ("", .inside, "", ""), ("</think>", .inside, "", ""), ("</think>  ", .inside, "", ""),
        ("<</think>x", .inside, "<", "x"), ("</</think>x", .inside, "</", "x"),
    ]

    @Test(arguments: texts)
    func `thoughts are told from the answer, wherever the pieces are cut`(
        text: String, start: ReasoningSplitter.Start, reasoning: String, content: String
    ) {
        let expected = ReasoningSplitter.Text(reasoning: reasoning, content: content)
        let characters = text.map { String($0) }

        #expect(split([text], start) == expected)
        #expect(split(characters, start) == expected)
        for cut in 0...characters.count {
            let pieces = [characters[..<cut].joined(), characters[cut...].joined()]
            #expect(split(pieces, start) == expected, "cut at \(cut)")
        }
    }

    @Test func `an answer without thoughts is not held back`() {
        var splitter = ReasoningSplitter(.open)

        #expect(splitter.append("Hello").content == "Hello")
        #expect(splitter.append(" there").content == " there")
    }
}
