// SPDX-License-Identifier: Apache-2.0

extension APIError {
    /// 401: no API key, or a wrong one; the message never repeats the key.
    package static let unauthorized = APIError(
        status: 401, type: .invalidRequest, code: "invalid_api_key",
        message: "an API key is needed: send it as 'Authorization: Bearer KEY'")

    /// 403: the key is known but may not do this.
    package static func forbidden(_ message: String) -> APIError {
        APIError(status: 403, type: .invalidRequest, code: "forbidden", message: message)
    }

    /// 404: the request names a model that is not served here.
    package static func modelNotFound(_ model: String) -> APIError {
        APIError(
            status: 404, type: .invalidRequest, code: "model_not_found", param: "model",
            message: "the model '\(clipped(model))' does not exist")
    }

    /// 404: no route has this path.
    package static func routeNotFound(method: String, path: String) -> APIError {
        APIError(
            status: 404, type: .invalidRequest, code: "unknown_url",
            message: "unknown URL: \(clipped(method)) \(clipped(path))")
    }

    /// 405: the path exists, for other methods.
    package static func methodNotAllowed(_ method: String, allowed: [String]) -> APIError {
        APIError(
            status: 405, type: .invalidRequest, code: "method_not_allowed",
            message: "method \(clipped(method)) is not allowed here, "
                + "only \(allowed.joined(separator: ", "))")
    }

    /// 408: the request did not arrive in time.
    package static let requestTimeout = APIError(
        status: 408, type: .invalidRequest, code: "request_timeout",
        message: "the request was not received in time")

    /// 413: the body is longer than the server reads.
    package static func bodyTooLarge(maxBodyBytes: Int) -> APIError {
        APIError(
            status: 413, type: .invalidRequest, code: "request_too_large",
            message: "the body is larger than \(maxBodyBytes) bytes")
    }

    /// 415: the body is not declared as JSON.
    package static func unsupportedMediaType(_ contentType: String) -> APIError {
        APIError(
            status: 415, type: .invalidRequest, code: "unsupported_media_type",
            message: "Content-Type: wanted application/json in UTF-8, "
                + "found '\(clipped(contentType))'")
    }

    /// 429: the queue is full, or a key is over its share.
    package static func tooManyRequests(_ message: String, retryAfterSeconds: Int) -> APIError {
        APIError(
            status: 429, type: .rateLimit, code: "rate_limit_exceeded", message: message,
            retryAfterSeconds: retryAfterSeconds)
    }

    /// 500: a defect of the server; the details are in its log, not in the answer.
    package static let internalError = APIError(
        status: 500, type: .server, code: "internal_error",
        message: "the server failed to process the request")

    /// 503: the model is not ready yet.
    package static func loading(retryAfterSeconds: Int) -> APIError {
        APIError(
            status: 503, type: .server, code: "loading", message: "the model is being loaded",
            retryAfterSeconds: retryAfterSeconds)
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
