// SPDX-License-Identifier: Apache-2.0

/// The one error a route throws: an HTTP status and what the `error` object of the body says.
package struct APIError: Error, Sendable, Equatable {
    /// The HTTP status code.
    package var status: Int
    /// The class of error that OpenAI's clients look at.
    package var type: ErrorType
    /// A stable word for programs, such as `model_not_found`.
    package var code: String?
    /// The request field at fault with its index, such as `prompt[3]`.
    package var param: String?
    /// One sentence for people: what was wanted, what was found.
    package var message: String
    /// The value of a `Retry-After` header, in seconds.
    package var retryAfterSeconds: Int?

    /// The values of `error.type`.
    package enum ErrorType: String, Sendable {
        /// The client must change the request.
        case invalidRequest = "invalid_request_error"
        /// The client must slow down.
        case rateLimit = "rate_limit_error"
        /// The server could not serve a good request.
        case server = "server_error"
    }

    /// An error with every part given; the statics cover the usual ones.
    package init(
        status: Int, type: ErrorType, code: String? = nil, param: String? = nil, message: String,
        retryAfterSeconds: Int? = nil
    ) {
        self.status = status
        self.type = type
        self.code = code
        self.param = param
        self.message = message
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// The response body, `{"error":{"message","type","param","code"}}`.
    package var body: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("error")
        writer.beginObject()
        writer.member("message", message)
        writer.member("type", type.rawValue)
        writer.member("param", param)
        writer.member("code", code)
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    /// The start of a client's text, short enough to be sent back in an error.
    static func clipped(_ text: String) -> String {
        String(text.unicodeScalars.prefix(128))
    }
}

extension APIError {
    /// 400: a field is wrong in a way that a sentence explains.
    package static func invalid(_ param: String?, _ message: String) -> APIError {
        APIError(status: 400, type: .invalidRequest, param: param, message: message)
    }

    /// 400: a field has the wrong type or lies outside its range.
    static func invalid(_ param: String, wanted: String, found: String) -> APIError {
        invalid(param, "\(param): wanted \(wanted), found \(found)")
    }

    /// 400: the body is not JSON from the given byte on.
    static func malformedJSON(at offset: Int, wanted: String, found: String) -> APIError {
        invalid(
            nil, "the body is not valid JSON: wanted \(wanted) at byte \(offset), found \(found)")
    }

    /// 400: prompt and answer together do not fit the model's context; `field` is where the client has the
    /// prompt.
    package static func contextLengthExceeded(
        field: String = "prompt", promptTokenCount: Int, maxTokenCount: Int, maxContextLength: Int
    ) -> APIError {
        APIError(
            status: 400, type: .invalidRequest, code: "context_length_exceeded", param: field,
            message: "\(field): \(promptTokenCount) tokens and max_tokens \(maxTokenCount) exceed "
                + "the context of \(maxContextLength) tokens")
    }
}
