// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import OpenAIAPI

@Suite struct APIErrorTests {
    static let all: [(APIError, Int, String?)] = [
        (.invalid("n", wanted: "an integer", found: "a string"), 400, nil),
        (.malformedJSON(at: 3, wanted: "':'", found: "'x'"), 400, nil),
        (
            .contextLengthExceeded(promptTokenCount: 9, maxTokenCount: 8, maxContextLength: 16),
            400,
            "context_length_exceeded"
        ),
        (.modelNotFound("m\"1"), 404, "model_not_found"),
        (.unsupportedMediaType("text/plain"), 415, "unsupported_media_type"),
        (.tooManyRequests("full", retryAfterSeconds: 3), 429, "rate_limit_exceeded"),
        (.draining(retryAfterSeconds: 5), 503, "draining"),
        (.deadlineExceeded, 504, "deadline_exceeded"), (.modelDamaged, 500, "model_damaged"),
    ]

    @Test(arguments: all)
    func `an error has its status, its code and the four members of OpenAI's body`(
        error: APIError, status: Int, code: String?
    ) throws {
        let parsed = try JSONSerialization.jsonObject(with: Data(error.body)) as? [String: Any]
        let members = try #require(parsed?["error"] as? [String: Any])

        #expect(error.status == status)
        #expect(Set(members.keys) == ["message", "type", "param", "code"])
        #expect(members["message"] as? String == error.message)
        #expect(members["type"] as? String == error.type.rawValue)
        #expect(members["code"] as? String == code)
        #expect(members["param"] as? String == error.param)
    }

    @Test func `the members come in a fixed order`() {
        let error = APIError.invalid("n", wanted: "an integer from 1 to 128", found: "0")

        #expect(
            String(decoding: error.body, as: UTF8.self) == """
                {"error":{"message":"n: wanted an integer from 1 to 128, found 0",\
                "type":"invalid_request_error","param":"n","code":null}}
                """)
    }

    @Test func `a context that is too short is the fault of the field that has the prompt`() {
        func error(_ field: String) -> APIError {
            .contextLengthExceeded(
                field: field, promptTokenCount: 9, maxTokenCount: 8, maxContextLength: 16)
        }

        #expect(error("messages").param == "messages")
        #expect(error("messages").message.hasPrefix("messages: 9 tokens"))
        #expect(error("prompt").param == "prompt")
    }

    @Test func `overload says when to come back`() {
        #expect(APIError.tooManyRequests("full", retryAfterSeconds: 3).retryAfterSeconds == 3)
        #expect(APIError.draining(retryAfterSeconds: 7).retryAfterSeconds == 7)
        #expect(APIError.modelNotFound("m").retryAfterSeconds == nil)
    }

    @Test(arguments: [
        nil, "application/json", "Application/JSON", "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"", "application/json;",
    ])
    func `JSON in UTF-8 is accepted`(contentType: String?) throws {
        try APIError.checkContentType(contentType)
    }

    @Test(arguments: [
        "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
        "application/json; charset=latin1", "application/jsonp", "text/json", "*/*",
    ])
    func `another content type is a 415`(contentType: String) {
        let error = #expect(throws: APIError.self) { try APIError.checkContentType(contentType) }

        #expect(error?.status == 415)
    }
}
