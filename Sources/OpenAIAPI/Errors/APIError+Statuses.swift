// SPDX-License-Identifier: Apache-2.0

extension APIError {
    /// 404: the request names a model that is not served here.
    package static func modelNotFound(_ model: String) -> APIError {
        APIError(
            status: 404, type: .invalidRequest, code: "model_not_found", param: "model",
            message: "the model '\(clipped(model))' does not exist")
    }

    /// 415: the body is not declared as JSON.
    static func unsupportedMediaType(_ contentType: String) -> APIError {
        APIError(
            status: 415, type: .invalidRequest, code: "unsupported_media_type",
            message: "Content-Type: wanted application/json in UTF-8, "
                + "found '\(clipped(contentType))'")
    }

    /// 429: the queue is full, or too long for the time that one may wait.
    package static func tooManyRequests(_ message: String, retryAfterSeconds: Int) -> APIError {
        APIError(
            status: 429, type: .rateLimit, code: "rate_limit_exceeded", message: message,
            retryAfterSeconds: retryAfterSeconds)
    }

    /// 504: the request waited until its deadline.
    package static var deadlineExceeded: APIError {
        APIError(
            status: 504, type: .server, code: "deadline_exceeded", param: "deadline_ms",
            message: "deadline_ms has passed before the request was begun")
    }

    /// 500: the model's file was changed or became unreadable, so that nothing right can be computed.
    package static var modelDamaged: APIError {
        APIError(
            status: 500, type: .server, code: "model_damaged",
            message: "the model's file changed while it was in use; the server is shutting down")
    }

    /// 503: the server is shutting down and takes no new requests.
    package static func draining(retryAfterSeconds: Int) -> APIError {
        APIError(
            status: 503, type: .server, code: "draining", message: "the server is shutting down",
            retryAfterSeconds: retryAfterSeconds)
    }
}

extension APIError {
    /// Checks a request's Content-Type: `application/json`, with no charset but UTF-8.
    ///
    /// An absent header is accepted, since the body then has to prove itself.
    /// - Throws: `APIError` 415 for anything else.
    package static func checkContentType(_ contentType: String?) throws(APIError) {
        guard let contentType else { return }
        let parts = contentType.lowercased().split(
            separator: ";", omittingEmptySubsequences: false
        ).map { $0.filter { $0 != " " && $0 != "\t" } }
        let acceptedParameters = ["", "charset=utf-8", "charset=\"utf-8\"", "charset=utf8"]
        guard parts.first == "application/json",
            parts.dropFirst().allSatisfy(acceptedParameters.contains)
        else { throw .unsupportedMediaType(contentType) }
    }
}
