// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import OpenAIAPI

@Suite struct CompletionStreamTests {
    private let envelope = CompletionEnvelope(id: "cmpl-1", createdAt: 17, model: "apus")

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func `a chunk is one data line and a blank one`() {
        let stream = CompletionStream(envelope: envelope, includesUsage: false)

        let frame = stream.frame(CompletionChoice(index: 1, text: "line\nnext"))

        #expect(
            text(frame) == #"""
                data: {"id":"cmpl-1","object":"text_completion","created":17,"model":"apus",\#
                "choices":[{"index":1,"text":"line\nnext","logprobs":null,"finish_reason":null,\#
                "stop_reason":null}]}
                """# + "\n\n")
    }

    @Test func `with usage every chunk has the member and the last one the value`() {
        let stream = CompletionStream(envelope: envelope, includesUsage: true)

        let frame = text(stream.frame(CompletionChoice(index: 0, text: "a")))
        let last = text(stream.usageFrame(Usage(promptTokenCount: 1, completionTokenCount: 2)))

        #expect(frame.hasSuffix(#""stop_reason":null}],"usage":null}"# + "\n\n"))
        #expect(
            last.hasSuffix(
                #""choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"#
                    + #""prompt_tokens_details":{"cached_tokens":0}}}"# + "\n\n"))
    }

    @Test func `the last frame is OpenAI's`() {
        #expect(text(CompletionStream.done) == "data: [DONE]\n\n")
    }

    @Test func `no text breaks a frame`() throws {
        let controls = String(
            String.UnicodeScalarView((UInt32(0)...0xA0).compactMap(Unicode.Scalar.init)))
        let stream = CompletionStream(envelope: envelope, includesUsage: true)

        let frame = stream.frame(CompletionChoice(index: 0, text: controls + "\u{2028}\u{85}"))

        let newlines = frame.indices.filter { frame[$0] == 0x0A || frame[$0] == 0x0D }
        #expect(newlines == [frame.count - 2, frame.count - 1])
        let parsed = try JSONSerialization.jsonObject(with: Data(frame.dropFirst(6)))
        let choices = (parsed as? [String: Any])?["choices"] as? [[String: Any]]
        #expect(choices?.first?["text"] as? String == controls + "\u{2028}\u{85}")
    }
}
