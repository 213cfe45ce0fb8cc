// SPDX-License-Identifier: Apache-2.0

internal import HTTPTypes

extension HTTPServer {
    /// Checks the key of a request and counts it; the key, or nil where none is asked for.
    func admit(_ head: HTTPRequest, _ connection: Connection) throws(Refusal) -> AccessKey? {
        guard let key = try access?.identify(head) else { return nil }
        connection.record?.keyName = key.name
        try access?.start(key, now: LoopClock.now())
        connection.countedKey = key.name
        return key
    }

    /// Counts the end of the exchange in progress for its key.
    func releaseKey(_ connection: Connection) {
        guard let name = connection.countedKey else { return }
        connection.countedKey = nil
        access?.finish(name)
    }

    /// Begins the answer to a request, or to what was refused before it was one: gives it a name, and the
    /// fields that every answer has.
    @discardableResult
    func openExchange(_ connection: Connection, _ request: IncomingRequest?) -> RequestID {
        lastRequestNumber &+= 1
        let requestID = RequestID(request?.notes?.clientID, number: lastRequestNumber)
        connection.hasOpenExchange = true
        connection.state.requestID = requestID
        if let cors = configuration.cors {
            connection.state.addedFields.removeAll(keepingCapacity: true)
            cors.appendFields(for: request?.notes?.origin, to: &connection.state.addedFields)
        }
        if !isUnlogged(request) { openRecord(connection, request?.head, requestID) }
        return requestID
    }

    /// Whether a request is one of those that machines send without end. Its record is opened only to be
    /// refused.
    private func isUnlogged(_ request: IncomingRequest?) -> Bool {
        guard let target = request?.head.path else { return false }
        return configuration.unloggedTargets.contains(target)
    }

    /// Whether a browser asks what a page's script may do; it shows no key then.
    func isPreflight(_ request: IncomingRequest) -> Bool {
        configuration.cors != nil && request.head.method == .options && request.notes?.origin != nil
            && request.head.headerFields[.accessControlRequestMethod] != nil
    }

    /// Tells a browser what the path answers to; the fields that a script wants to send are all right.
    func answerPreflight(
        _ request: IncomingRequest, _ exchange: Exchange, _ connection: Connection
    ) {
        guard
            case .options(let allow) = configuration.routes.match(
                .options, request.head.path ?? "/")
        else { return refuse(connection, .notFound) }
        var response = HTTPResponse(status: .noContent)
        if let origin = request.notes?.origin, configuration.cors?.allows(origin) == true {
            response.headerFields[.accessControlAllowMethods] = allow
            response.headerFields[.accessControlAllowHeaders] =
                request.head.headerFields[.accessControlRequestHeaders]
            response.headerFields[.accessControlMaxAge] = CORSPolicy.maxAgeSeconds
        }
        exchange.respond(response, on: self)
    }
}
