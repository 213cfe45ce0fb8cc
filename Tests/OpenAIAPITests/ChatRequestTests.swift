// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import OpenAIAPI

/// One field of a chat request: the JSON members to send, and what must come of them.
struct HonouredChatField: Sendable, CustomTestStringConvertible {
    let members: String
    let isHonoured: @Sendable (ChatRequest) -> Bool

    init(_ members: String, _ isHonoured: @escaping @Sendable (ChatRequest) -> Bool) {
        self.members = members
        self.isHonoured = isHonoured
    }

    var testDescription: String { members }
}

@Suite struct ChatRequestTests {
    private static let hello = #"[{"role":"user","content":"hello"}]"#

    private func decode(
        _ members: String, messages: String = hello, unknownFields: UnknownFieldPolicy = .strict
    ) throws(APIError) -> ChatRequest {
        let rest = members.isEmpty ? "" : ",\(members)"
        return try .decode(
            Array("{\"messages\":\(messages)\(rest)}".utf8), unknownFields: unknownFields)
    }

    static let honoured: [HonouredChatField] = [
        .init(#""model":"apus""#) { $0.completion.model == "apus" },
        .init(#""max_completion_tokens":5"#) {
            $0.completion.stopping.maxTokenCount == 5 && $0.limitsAnswer
        },
        .init(#""max_tokens":5"#) { $0.completion.stopping.maxTokenCount == 5 && $0.limitsAnswer },
        .init(#""max_tokens":5,"max_completion_tokens":5"#) {
            $0.completion.stopping.maxTokenCount == 5
        },
        .init(#""max_tokens":null"#) { !$0.limitsAnswer },
        .init(#""min_tokens":5"#) { $0.completion.stopping.minTokenCount == 5 },
        .init(#""logprobs":true"#) { $0.completion.logprobCount == 0 },
        .init(#""logprobs":true,"top_logprobs":20"#) { $0.completion.logprobCount == 20 },
        .init(#""logprobs":false"#) { $0.completion.logprobCount == nil },
        .init(#""top_logprobs":0"#) { $0.completion.logprobCount == nil },
        .init(#""n":3"#) { $0.completion.choiceCount == 3 },
        .init(#""temperature":0.5,"top_p":0.9,"top_k":4,"min_p":0.1"#) {
            let sampling = $0.completion.sampling
            return sampling.temperature == 0.5 && sampling.topP == 0.9 && sampling.topK == 4
                && sampling.minP == 0.1
        },
        .init(#""presence_penalty":1,"frequency_penalty":-1,"repetition_penalty":1.5"#) {
            let sampling = $0.completion.sampling
            return sampling.presencePenalty == 1 && sampling.frequencyPenalty == -1
                && sampling.repetitionPenalty == 1.5
        },
        .init(#""logit_bias":{"5":-100},"seed":7"#) {
            $0.completion.sampling.logitBias == [5: -100] && $0.completion.sampling.seed == 7
        },
        .init(#""stop":["a"],"stop_token_ids":[2],"include_stop_str_in_output":true"#) {
            let stopping = $0.completion.stopping
            return stopping.strings == ["a"] && stopping.tokenIDs == [2]
                && stopping.includesStopString
        },
        .init(#""ignore_eos":true,"skip_special_tokens":false,"add_special_tokens":true"#) {
            $0.completion.stopping.ignoresEndOfSequence && !$0.completion.skipsSpecialTokens
                && $0.completion.addsSpecialTokens
        },
        .init(#""stream":true,"stream_options":{"include_usage":true}"#) {
            $0.completion.streams && $0.completion.includesUsage
        },
        .init(#""return_token_ids":true,"return_tokens_as_token_ids":true"#) {
            $0.completion.returnsTokenIDs && $0.completion.namesTokensByID
        },
        .init(#""add_generation_prompt":false"#) {
            $0.addsGenerationPrompt == false && !$0.continues
        },
        .init(#""continue_final_message":true"#) { $0.continues },
        .init(#""continue_final_message":true,"add_generation_prompt":false"#) { $0.continues },
        .init(#""chat_template_kwargs":{"enable_thinking":false,"n":[1,{"a":2.5}]}"#) {
            $0.templateVariables == [
                .init("enable_thinking", .boolean(false)),
                .init(
                    "n",
                    .array([.number(.integer(1)), .object([.init("a", .number(.real(2.5)))])])),
            ]
        },
        .init(#""reasoning_effort":"low""#) {
            $0.templateVariables == [.init("reasoning_effort", .string("low"))]
        },
        .init(#""reasoning_format":"none""#) { !$0.splitsReasoning },
        .init(#""reasoning_format":"auto""#) { $0.splitsReasoning },
        .init(#""reasoning_format":"deepseek""#) { $0.splitsReasoning },
        .init(
            #""user":"u","metadata":{},"store":true,"safety_identifier":"s","prompt_cache_key":"k""#
        ) {
            $0.completion.ignoredParams.names.isEmpty
        },
    ]

    @Test(arguments: honoured)
    func `a field has its effect`(field: HonouredChatField) throws {
        let request = try decode(field.members)

        #expect(field.isHonoured(request))
        #expect(request.messages == [ChatMessage(role: .user, text: "hello")])
    }

    @Test func `a request without options has the documented defaults`() throws {
        let request = try decode("")

        #expect(request == ChatRequest(messages: [ChatMessage(role: .user, text: "hello")]))
        #expect(!request.limitsAnswer && !request.completion.addsSpecialTokens)
        #expect(request.splitsReasoning && !request.continues)
    }

    @Test(arguments: [
        #""tools":[],"tool_choice":"auto","parallel_tool_calls":true"#,
        #""tool_choice":"none","functions":[],"function_call":"none""#,
        #""response_format":{"type":"text"},"modalities":["text"],"service_tier":"auto""#,
        #""echo":false,"documents":[],"verbosity":"medium","suffix":null,"prediction":null"#,
    ])
    func `a field that asks for nothing is taken`(members: String) throws {
        #expect(try decode(members) == decode(""))
    }

    /// Members of a body, and the `param` of the 400 they must give.
    static let refused: [(String, String)] = [
        (#""tools":[{"type":"function"}]"#, "tools"), (#""tool_choice":"required""#, "tool_choice"),
        (#""tool_choice":{"type":"function"}"#, "tool_choice"), (#""functions":[{}]"#, "functions"),
        (#""function_call":{"name":"f"}"#, "function_call"),
        (#""response_format":{"type":"json_object"}"#, "response_format"),
        (#""response_format":{"type":"json_schema","json_schema":{}}"#, "response_format"),
        (#""response_format":"text""#, "response_format"), (#""guided_json":{}"#, "guided_json"),
        (#""structured_outputs":{}"#, "structured_outputs"),
        (#""modalities":["text","audio"]"#, "modalities"), (#""audio":{}"#, "audio"),
        (#""prediction":{}"#, "prediction"), (#""web_search_options":{}"#, "web_search_options"),
        (#""service_tier":"flex""#, "service_tier"), (#""echo":true"#, "echo"),
        (#""chat_template":"x""#, "chat_template"), (#""documents":[{}]"#, "documents"),
        (#""max_tokens":0"#, "max_tokens"),
        (#""max_completion_tokens":-1"#, "max_completion_tokens"),
        (#""max_tokens":5,"max_completion_tokens":6"#, "max_tokens"),
        (#""max_tokens":5,"min_tokens":6"#, "min_tokens"),
        (#""logprobs":3"#, "logprobs"), (#""top_logprobs":3"#, "top_logprobs"),
        (#""logprobs":true,"top_logprobs":21"#, "top_logprobs"), (#""n":0"#, "n"),
        (#""stream_options":{}"#, "stream_options"),
        (#""add_generation_prompt":true,"continue_final_message":true"#, "continue_final_message"),
        (#""chat_template_kwargs":[]"#, "chat_template_kwargs"),
        (#""chat_template_kwargs":{"messages":[]}"#, "chat_template_kwargs.messages"),
        (#""reasoning_effort":3"#, "reasoning_effort"),
        (#""reasoning_format":"yes""#, "reasoning_format"),
        (#""prompt":"x""#, "prompt"), (#""best_of":1"#, "best_of"), (#""zeta":1"#, "zeta"),
    ]

    @Test(arguments: refused)
    func `a wrong field is refused by name`(members: String, param: String) {
        let error = #expect(throws: APIError.self) { try decode(members) }

        #expect(error?.status == 400)
        #expect(error?.param == param)
    }

    @Test func `messages arrive with all they say`() throws {
        let messages = #"""
            [{"role":"system","content":"s"},{"content":[{"type":"text","text":"a"},
            {"text":"b","type":"text"}],"role":"user","name":"n"},{"role":"developer","content":""},
            {"role":"assistant","content":"x","reasoning_content":"why","refusal":null,
            "tool_calls":[],"audio":null},{"role":"tool","content":"t","tool_call_id":"id"},
            {"role":"assistant","content":"y","thinking":"because"}]
            """#

        let request = try decode("", messages: messages)

        #expect(
            request.messages.map(\.role) == [
                .system, .user, .developer, .assistant, .tool, .assistant,
            ])
        #expect(request.messages.map(\.text) == ["s", "a\nb", "", "x", "t", "y"])
        #expect(request.messages[1].texts == ["a", "b"] && request.messages[1].name == "n")
        #expect(request.messages[3].reasoning == "why")
        #expect(request.messages[4].toolCallID == "id")
        #expect(request.messages[5].reasoning == "because")
        #expect(request.continues)
    }

    static let refusedMessages: [(String, String)] = [
        ("[]", "messages"), ("{}", "messages"), ("\"x\"", "messages"), ("null", "messages"),
        ("[3]", "messages[0]"), (#"[{"content":"x"}]"#, "messages[0].role"),
        (#"[{"role":"user"}]"#, "messages[0].content"),
        (#"[{"role":"user","content":null}]"#, "messages[0].content"),
        (#"[{"role":"robot","content":"x"}]"#, "messages[0].role"),
        (#"[{"role":1,"content":"x"}]"#, "messages[0].role"),
        (#"[{"role":"user","content":3}]"#, "messages[0].content"),
        (#"[{"role":"user","content":["x"]}]"#, "messages[0].content[0]"),
        (#"[{"role":"user","content":[{"type":"image_url"}]}]"#, "messages[0].content[0].type"),
        (#"[{"role":"user","content":[{"text":"x"}]}]"#, "messages[0].content[0].type"),
        (#"[{"role":"user","content":[{"type":"text"}]}]"#, "messages[0].content[0].text"),
        (
            #"[{"role":"assistant","content":"x","tool_calls":[{"id":"1"}]}]"#,
            "messages[0].tool_calls"
        ),
        (#"[{"role":"user","content":"x","function_call":{}}]"#, "messages[0].function_call"),
        (#"[{"role":"user","content":"x","colour":"red"}]"#, "messages[0].colour"),
    ]

    @Test(arguments: refusedMessages)
    func `a wrong message is refused by its place`(messages: String, param: String) {
        let error = #expect(throws: APIError.self) { try decode("", messages: messages) }

        #expect(error?.status == 400)
        #expect(error?.param == param)
    }

    @Test func `an unknown field of a message is listed and otherwise skipped`() throws {
        let request = try decode(
            #""best_of":2"#, messages: #"[{"role":"user","content":"x","colour":"red"}]"#,
            unknownFields: .warn)

        #expect(request.completion.ignoredParams.names == ["messages[0].colour", "best_of"])
    }

    @Test func `a body without messages is refused`() {
        let error = #expect(throws: APIError.self) { try ChatRequest.decode(Array("{}".utf8)) }

        #expect(error?.param == "messages")
    }

    @Test func `every prefix of a valid body is a 400`() throws {
        let body = Array(
            #"""
            {"messages":[{"role":"user","content":[{"type":"text","text":"é 🦉"}]}],"logprobs":true,
            "chat_template_kwargs":{"a":[1,null,{"b":"c"}]},"stop":["x"],"max_tokens":3}
            """#.utf8)
        _ = try ChatRequest.decode(body)

        for count in 0..<body.count {
            let error = #expect(throws: APIError.self) {
                try ChatRequest.decode(Array(body[..<count]))
            }
            #expect(error?.status == 400, "prefix of \(count) bytes")
        }
    }
}
