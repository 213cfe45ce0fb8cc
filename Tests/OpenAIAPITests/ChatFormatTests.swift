// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import OpenAIAPI

@Suite struct ChatFormatTests {
    private static let envelope = CompletionEnvelope(id: "chatcmpl-1", createdAt: 7, model: "m")
    private static let usage = Usage(promptTokenCount: 3, completionTokenCount: 2)

    private func format(
        choiceCount: Int = 1, includesUsage: Bool = false,
        reasoning: ReasoningSplitter.Start? = nil, promptTokenIDs: [Int32]? = nil
    ) -> ChatFormat {
        ChatFormat(
            envelope: Self.envelope, includesUsage: includesUsage, choiceCount: choiceCount,
            reasoning: reasoning, promptTokenIDs: promptTokenIDs)
    }

    private func choice(
        _ text: String, index: Int = 0, finish: FinishReason? = nil
    ) -> CompletionChoice {
        var choice = CompletionChoice(index: index, text: text)
        choice.finishReason = finish
        return choice
    }

    @Test func `a whole answer has a message for each choice`() {
        var format = format(choiceCount: 2)

        let body = format.body(
            [choice("Hi", finish: .stop), choice("Ho", index: 1, finish: .length)],
            usage: Self.usage)

        #expect(
            String(decoding: body, as: UTF8.self) == """
                {"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"m","choices":[\
                {"index":0,"message":{"role":"assistant","content":"Hi","refusal":null},\
                "logprobs":null,"finish_reason":"stop","stop_reason":null},\
                {"index":1,"message":{"role":"assistant","content":"Ho","refusal":null},\
                "logprobs":null,"finish_reason":"length","stop_reason":null}],\
                "usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,\
                "prompt_tokens_details":{"cached_tokens":0}}}
                """)
    }

    @Test func `a stream says who speaks, then what, then why it ends`() {
        var format = format(includesUsage: true)
        let head =
            #"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","choices":["#

        let frames =
            format.openingFrames()
            + [
                format.frame(choice("Hi")), format.frame(choice("", finish: .stop)),
            ].compactMap(\.self) + [format.usageFrame(Self.usage)]

        #expect(
            frames.map { String(decoding: $0, as: UTF8.self) }
                == [
                    #"{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"#
                        + #""finish_reason":null,"stop_reason":null}],"usage":null}"#,
                    #"{"index":0,"delta":{"content":"Hi"},"logprobs":null,"#
                        + #""finish_reason":null,"stop_reason":null}],"usage":null}"#,
                    #"{"index":0,"delta":{},"logprobs":null,"#
                        + #""finish_reason":"stop","stop_reason":null}],"usage":null}"#,
                    #"],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"#
                        + #""prompt_tokens_details":{"cached_tokens":0}}}"#,
                ].map { head + $0 + "\n\n" })
    }

    @Test func `thoughts are a member of their own, whole and in a stream`() {
        var whole = format(reasoning: .open)
        var streamed = format(reasoning: .inside)

        let body = whole.body(
            [choice("<think>\nwhy\n</think>\n\nso", finish: .stop)], usage: Self.usage)
        let frames = [
            streamed.frame(choice("wh")), streamed.frame(choice("y</thi")),
            streamed.frame(choice("nk>\n")), streamed.frame(choice("\nso", finish: .stop)),
        ].map { $0.map { String(decoding: $0, as: UTF8.self) } }

        #expect(
            String(decoding: body, as: UTF8.self).contains(
                #""message":{"role":"assistant","content":"so","reasoning_content":"why","#))
        #expect(frames[0]?.contains(#""delta":{"reasoning_content":"wh"}"#) == true)
        #expect(frames[1]?.contains(#""delta":{"reasoning_content":"y"}"#) == true)
        #expect(frames[2] == nil)
        #expect(frames[3]?.contains(#""delta":{"content":"so"}"#) == true)
    }

    @Test func `ids of the prompt are the answer's, those of tokens the choices'`() {
        var format = format(choiceCount: 2, includesUsage: true, promptTokenIDs: [1, 5])
        var choice = choice("Hi", index: 1, finish: .stop)
        (choice.promptTokenIDs, choice.tokenIDs) = ([1, 5], [7])

        let body = String(decoding: format.body([choice], usage: Self.usage), as: UTF8.self)
        let frames = (format.openingFrames() + [format.frame(choice)].compactMap(\.self))
            .map { String(decoding: $0, as: UTF8.self) }

        #expect(body.hasSuffix(#""cached_tokens":0}},"prompt_token_ids":[1,5]}"#))
        #expect(body.contains(#""stop_reason":null,"token_ids":[7]}],"usage""#))
        #expect(frames.count == 3)
        #expect(
            frames[0].hasSuffix(
                #""stop_reason":null}],"usage":null,"prompt_token_ids":[1,5]}"# + "\n\n"))
        #expect(frames[1].hasSuffix(#""stop_reason":null}],"usage":null}"# + "\n\n"))
        #expect(
            frames[2].hasSuffix(#""stop_reason":null,"token_ids":[7]}],"usage":null}"# + "\n\n"))
    }

    @Test func `the likeliest tokens are told alone, whatever was drawn`() {
        var format = format()
        var choice = choice("z", finish: .stop)
        choice.logprobs = CompletionLogprobs(tokens: [
            TokenLogprob(
                id: 9, text: "z", logprob: -7,
                candidates: [CandidateLogprob(id: 1, text: "a", logprob: -0.5)], textOffset: 0)
        ])

        let body = format.body([choice], usage: Self.usage)

        #expect(
            String(decoding: body, as: UTF8.self).contains(
                #""top_logprobs":[{"token":"a","logprob":-0.5,"bytes":[97]}]}]"#))
    }

    @Test func `log-probabilities have the chat's shape, with bytes of half characters`() {
        var format = format()
        var choice = choice("é", finish: .stop)
        choice.logprobs = CompletionLogprobs(tokens: [
            TokenLogprob(
                id: 5, text: "\u{FFFD}", bytes: [0xC3], logprob: -0.5,
                candidates: [
                    CandidateLogprob(id: 5, text: "\u{FFFD}", bytes: [0xC3], logprob: -0.5),
                    CandidateLogprob(id: 6, text: "e", logprob: -.infinity),
                ], textOffset: 0)
        ])

        let body = format.body([choice], usage: Self.usage)

        #expect(
            String(decoding: body, as: UTF8.self).contains(
                #""logprobs":{"content":[{"token":"�","logprob":-0.5,"bytes":[195],"#
                    + #""top_logprobs":[{"token":"�","logprob":-0.5,"bytes":[195]},"#
                    + #"{"token":"e","logprob":-9999.0,"bytes":[101]}]}],"refusal":null}"#))
    }

    @Test func `log-probabilities of text that is held back are not`() {
        var format = format(reasoning: .open)
        var held = choice("<thi")
        held.logprobs = CompletionLogprobs(tokens: [
            TokenLogprob(id: 1, text: "<thi", logprob: -1, candidates: [], textOffset: 0)
        ])

        let frame = format.frame(held)

        #expect(frame.map { String(decoding: $0, as: UTF8.self).contains(#""delta":{}"#) } == true)
    }
}
