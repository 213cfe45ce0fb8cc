// SPDX-License-Identifier: Apache-2.0

package import HTTPTypes

/// One request's claim to an answer: a value that any thread may carry, usable on the loop only.
///
/// Either `respond` once, or `begin`, any number of `write`, `finish`. Each is void, and says so by
/// returning false, once the exchange is over: the client may leave at any time.
package struct Exchange: Hashable, Sendable {
    let connection: ConnectionID
    let number: UInt32

    /// Answers with a whole response.
    @discardableResult
    package func respond(
        _ response: HTTPResponse, body: [UInt8] = [], on server: isolated HTTPServer
    ) -> Bool {
        guard let connection = server.connection(of: self),
            connection.state.phase == .awaitingResponse
        else { return false }
        connection.state.respond(
            response, body: body, date: server.date, into: &connection.output)
        connection.record?.bodyBytes = body.count
        connection.record?.status = response.status
        server.exchangeEnded(connection)
        return true
    }

    /// Starts a streamed response.
    @discardableResult
    package func begin(_ response: HTTPResponse, on server: isolated HTTPServer) -> Bool {
        guard let connection = server.connection(of: self),
            connection.state.phase == .awaitingResponse
        else { return false }
        connection.state.begin(response, date: server.date, into: &connection.output)
        connection.record?.status = response.status
        server.markDirty(connection)
        return true
    }

    /// Queues a piece of a streamed response; sent with all others at the turn's end.
    @discardableResult
    package func write(_ bytes: [UInt8], on server: isolated HTTPServer) -> Bool {
        guard let connection = server.connection(of: self),
            case .streaming = connection.state.phase
        else { return false }
        connection.state.write(bytes, into: &connection.output)
        connection.record?.bodyBytes += bytes.count
        server.markDirty(connection)
        return true
    }

    /// Ends a streamed response.
    @discardableResult
    package func finish(on server: isolated HTTPServer) -> Bool {
        guard let connection = server.connection(of: self),
            case .streaming = connection.state.phase
        else { return false }
        connection.state.finish(into: &connection.output)
        server.exchangeEnded(connection)
        return true
    }

    /// Cuts the connection without an end, so that the client cannot take what it has for whole.
    package func abort(on server: isolated HTTPServer) {
        guard let connection = server.connection(of: self) else { return }
        server.cancel(connection, .aborted)
    }

    /// Has `body` called, exactly once and on the loop, if the exchange is cancelled; at once, with
    /// `.departed`, if it is already over. A second call replaces the first one's closure.
    package func onCancel(
        on server: isolated HTTPServer,
        _ body: @escaping @Sendable (CancelReason, isolated HTTPServer) -> Void
    ) {
        guard let connection = server.connection(of: self) else {
            body(.departed, server)
            return
        }
        connection.onCancel = body
    }

    /// Response bytes that the client has not taken yet; nil once the exchange is over.
    package func pendingOutputBytes(on server: isolated HTTPServer) -> Int? {
        server.connection(of: self)?.pendingOutputBytes
    }
}
