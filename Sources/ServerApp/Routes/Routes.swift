// SPDX-License-Identifier: Apache-2.0

internal import HTTPServing
internal import HTTPTypes
internal import OpenAIAPI

/// Every path the server answers.
enum Routes {
    static func configuration(
        service: CompletionService, renderMetrics: @escaping @Sendable () -> String
    ) -> HTTPServerConfiguration {
        var routes = RouteTable<Responder>()
        routes.add(.post, "/v1/completions") { request, exchange, server in
            service.respond(request, exchange, on: server)
        }
        routes.add(.post, "/v1/chat/completions") { request, exchange, server in
            service.respondToChat(request, exchange, on: server)
        }
        routes.add(.get, "/v1/models") { _, exchange, server in
            exchange.respond(service.models.body, type: "application/json", on: server)
        }
        routes.add(.get, "/v1/models/*") { request, exchange, server in
            do throws(APIError) {
                let card = try service.models.model(request.pathTail)
                exchange.respond(card.body, type: "application/json", on: server)
            } catch { exchange.respond(error, on: server) }
        }
        routes.add(.get, "/health") { _, exchange, server in
            exchange.respond(
                Array("{\"status\":\"ok\"}".utf8), type: "application/json", on: server)
        }
        routes.add(.get, "/ready") { _, exchange, server in
            guard service.isReady else {
                exchange.respond(APIError.draining(retryAfterSeconds: 10), on: server)
                return
            }
            exchange.respond(
                Array("{\"status\":\"ready\"}".utf8), type: "application/json", on: server)
        }
        routes.add(.get, "/metrics") { _, exchange, server in
            exchange.respond(
                Array(renderMetrics().utf8), type: "text/plain; version=0.0.4; charset=utf-8",
                on: server)
        }
        var configuration = HTTPServerConfiguration(routes: routes)
        configuration.refusalBody = { refusal in
            ResponseBody(contentType: "application/json", bytes: APIError(refusal).body)
        }
        return configuration
    }
}

extension APIError {
    /// The body of an answer that the HTTP layer gives itself.
    fileprivate init(_ refusal: Refusal) {
        let code: String? =
            switch refusal {
            case .notFound: "unknown_url"
            case .methodNotAllowed: "method_not_allowed"
            case .requestTimedOut: "request_timeout"
            case .bodyTooLarge: "request_too_large"
            case .wrongKey: "invalid_api_key"
            case .rateLimited, .tooManyRunning: "rate_limit_exceeded"
            case .unsupportedContentCoding: "unsupported_media_type"
            default: nil
            }
        let type: ErrorType =
            switch refusal.status.code {
            case 429: .rateLimit
            case 500...: .server
            default: .invalidRequest
            }
        self.init(
            status: refusal.status.code, type: type, code: code,
            message: refusal.message)
    }
}
