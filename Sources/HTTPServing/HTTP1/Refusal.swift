// SPDX-License-Identifier: Apache-2.0

package import HTTPTypes

/// Why the server answers a request itself, without asking a route.
package enum Refusal: Error, Hashable, Sendable {
    case malformedRequestLine
    case malformedTarget
    case malformedField
    case malformedLength
    case malformedChunk
    case malformedHost
    case conflictingLengths
    case invalidTransferCoding
    case unknownTransferCoding
    case unsupportedMethod
    case unsupportedVersion
    case unsupportedExpectation
    case lengthRequired
    case unsupportedContentCoding
    case malformedContent
    case requestLineTooLong(maxBytes: Int)
    case fieldsTooLarge(maxBytes: Int)
    case tooManyFields(maxCount: Int)
    case bodyTooLarge(maxBytes: Int)
    case requestTimedOut
    case missingKey
    case wrongKey
    case rateLimited(maxPerMinute: Int, retryAfterSeconds: Int)
    case tooManyRunning(maxCount: Int)
    case notFound
    case methodNotAllowed(allow: String)
    case tooManyConnections
    case outOfBodyMemory
}

/// What refusals are counted by; the raw values are those of the metric's label.
package enum RefusalReason: String, CaseIterable, Hashable, Sendable {
    case malformed
    case unsupported
    case tooLarge = "too_large"
    case timedOut = "timed_out"
    case missingKey = "missing_key"
    case wrongKey = "wrong_key"
    case rateLimited = "rate_limited"
    case tooManyRunning = "too_many_running"
    case notFound = "not_found"
    case methodNotAllowed = "method_not_allowed"
    case tooManyConnections = "too_many_connections"
    case outOfBodyMemory = "out_of_body_memory"
}

extension Refusal {
    /// What the refusal is counted by.
    var reason: RefusalReason {
        switch self {
        case .malformedRequestLine, .malformedTarget, .malformedField, .malformedLength,
            .malformedChunk, .malformedHost, .conflictingLengths, .invalidTransferCoding,
            .malformedContent, .lengthRequired:
            .malformed
        case .unknownTransferCoding, .unsupportedMethod, .unsupportedVersion,
            .unsupportedExpectation, .unsupportedContentCoding:
            .unsupported
        case .requestLineTooLong, .fieldsTooLarge, .tooManyFields, .bodyTooLarge: .tooLarge
        case .requestTimedOut: .timedOut
        case .missingKey: .missingKey
        case .wrongKey: .wrongKey
        case .rateLimited: .rateLimited
        case .tooManyRunning: .tooManyRunning
        case .notFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .tooManyConnections: .tooManyConnections
        case .outOfBodyMemory: .outOfBodyMemory
        }
    }

    /// The status of the answer.
    package var status: HTTPResponse.Status {
        switch self {
        case .malformedRequestLine, .malformedTarget, .malformedField, .malformedLength,
            .malformedChunk, .malformedHost, .conflictingLengths, .invalidTransferCoding,
            .malformedContent:
            .badRequest
        case .unknownTransferCoding, .unsupportedMethod: .notImplemented
        case .unsupportedVersion: .httpVersionNotSupported
        case .unsupportedExpectation: .expectationFailed
        case .lengthRequired: .lengthRequired
        case .unsupportedContentCoding: .unsupportedMediaType
        case .requestLineTooLong: .uriTooLong
        case .fieldsTooLarge, .tooManyFields: .requestHeaderFieldsTooLarge
        case .bodyTooLarge: .contentTooLarge
        case .requestTimedOut: .requestTimeout
        case .missingKey, .wrongKey: .unauthorized
        case .rateLimited, .tooManyRunning: .tooManyRequests
        case .notFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .tooManyConnections, .outOfBodyMemory: .serviceUnavailable
        }
    }

    /// One sentence for the client: what was wanted and what was found.
    package var message: String {
        switch self {
        case .malformedRequestLine:
            "The request line must be 'METHOD /target HTTP/1.1' with single spaces, ended by CRLF."
        case .malformedTarget: "The request target must start with '/' or be an absolute URL."
        case .malformedField:
            "Each header line must be 'Name: value' ended by CRLF, without folding or control bytes."
        case .malformedLength: "Content-Length must be one decimal number, given once."
        case .malformedChunk: "The chunked body is not framed as RFC 9112 section 7.1 wants it."
        case .malformedHost: "An HTTP/1.1 request must have exactly one valid Host header."
        case .conflictingLengths:
            "A request may not have both Content-Length and Transfer-Encoding."
        case .invalidTransferCoding: "Transfer-Encoding must be 'chunked', once, in HTTP/1.1."
        case .unknownTransferCoding: "The only transfer coding supported is 'chunked'."
        case .unsupportedMethod: "This server is not a proxy: CONNECT is not supported."
        case .unsupportedVersion: "The HTTP versions supported are 1.1 and 1.0."
        case .unsupportedExpectation: "The only expectation supported is '100-continue'."
        case .lengthRequired:
            "A request of this method must have a Content-Length, or be chunked."
        case .unsupportedContentCoding:
            "A request body may have one Content-Encoding: \(ContentCoding.supported)."
        case .malformedContent: "The body is not in the coding that Content-Encoding names."
        case .requestLineTooLong(let limit): "The request line is longer than \(limit) bytes."
        case .fieldsTooLarge(let limit): "The header fields are larger than \(limit) bytes."
        case .tooManyFields(let limit): "The request has more than \(limit) header fields."
        case .bodyTooLarge(let limit): "The request body is larger than \(limit) bytes."
        case .requestTimedOut: "The request did not arrive in time."
        case .missingKey: "This path wants an API key: 'Authorization: Bearer KEY'."
        case .wrongKey: "The API key is not one of this server's."
        case .rateLimited(let limit, let seconds):
            "This API key may start \(limit) requests a minute; the next one in \(seconds) s."
        case .tooManyRunning(let limit):
            "This API key may have \(limit) requests answered at the same time."
        case .notFound: "There is no such path on this server."
        case .methodNotAllowed(let allow): "This path answers to: \(allow)."
        case .tooManyConnections: "The server has as many connections as it may have."
        case .outOfBodyMemory: "The server holds as many request bytes as it may hold."
        }
    }

    /// Whether the connection can go on to its next request after the answer.
    var keepsConnection: Bool {
        switch self {
        case .notFound, .methodNotAllowed, .missingKey, .wrongKey, .rateLimited, .tooManyRunning:
            true
        default: false
        }
    }
}
