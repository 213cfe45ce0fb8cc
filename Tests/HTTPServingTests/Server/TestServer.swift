// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes

@testable import HTTPServing

/// A server on a free port whose streams are driven by the test.
///
/// `/hello`, `/echo`, `/who` and `/big` answer at once; `/held` leaves the answer to the test, which takes the
/// exchange from `nextEvent`.
final class TestServer: Sendable {
    enum Event: Equatable, Sendable {
        case held(Exchange)
        case cancelled(Exchange, CancelReason)
    }

    let server: HTTPServer
    let address: ListenAddress
    private let events: AsyncStream<Event>

    static let bigBody = [UInt8](repeating: UInt8(ascii: "x"), count: 20 << 20)

    init(
        at address: ListenAddress = .internet(host: "127.0.0.1", port: 0),
        tls: TLSContext? = nil,
        _ change: (inout HTTPServerLimits) -> Void = { _ in },
        configure: (inout HTTPServerConfiguration) -> Void = { _ in }
    ) async throws {
        let (events, sink) = AsyncStream.makeStream(of: Event.self)
        self.events = events
        var configuration = HTTPServerConfiguration(routes: Self.routes(sink))
        change(&configuration.limits)
        configure(&configuration)
        let records = RecordBox()
        configuration.accessLog = { record in records.append(record) }
        configuration.refusalBody = { refusal in
            ResponseBody(
                contentType: "application/json",
                bytes: Array("{\"error\":{\"message\":\"\(refusal.message)\"}}".utf8))
        }
        server = try HTTPServer(configuration)
        self.address = try await server.listen(at: address, tls: tls)
        recordBox = records
    }

    private let recordBox: RecordBox

    /// What the access log has so far.
    var accessRecords: [AccessRecord] { recordBox.all }

    func connect(receiveBufferBytes: Int32? = nil) throws -> TestClient {
        try TestClient(address, receiveBufferBytes: receiveBufferBytes)
    }

    /// Waits for a route or a cancellation.
    func nextEvent() async -> Event? {
        for await event in events { return event }
        return nil
    }

    /// Waits for `/held` to be asked.
    func nextExchange() async -> Exchange? {
        guard case .held(let exchange) = await nextEvent() else { return nil }
        return exchange
    }

    /// Waits for a shutdown to have begun.
    func beginsStopping() async {
        while !(await onLoop { $0.isStopping }) { await Task.yield() }
    }

    /// Runs on the loop and waits for the end of that turn.
    func onLoop<Result: Sendable>(
        _ body: @escaping @Sendable (isolated HTTPServer) -> Result
    ) async -> Result {
        await withCheckedContinuation { done in
            server.execute { done.resume(returning: body($0)) }
        }
    }

    private static func routes(_ sink: AsyncStream<Event>.Continuation) -> RouteTable<Responder> {
        var routes = RouteTable<Responder>()
        routes.add(.get, "/hello") { _, exchange, server in
            exchange.respond(HTTPResponse(status: .ok), body: Array("hello".utf8), on: server)
        }
        routes.add(.get, "/big") { _, exchange, server in
            exchange.respond(HTTPResponse(status: .ok), body: bigBody, on: server)
        }
        routes.add(.get, "/who") { request, exchange, server in
            exchange.respond(
                HTTPResponse(status: .ok), body: Array((request.keyName ?? "-").utf8), on: server)
        }
        routes.add(.post, "/echo") { request, exchange, server in
            exchange.respond(HTTPResponse(status: .ok), body: request.body, on: server)
        }
        routes.add(.get, "/held/*") { request, exchange, server in
            exchange.onCancel(on: server) { reason, _ in
                sink.yield(.cancelled(exchange, reason))
            }
            sink.yield(.held(exchange))
        }
        return routes
    }
}

/// Access records, gathered from the loop. A POSIX lock, as the thread sanitizer does not see through
/// Synchronization's Mutex on Linux.
final class RecordBox: @unchecked Sendable {  // the records are only touched under the lock
    private let lock = NSLock()
    private var records: [AccessRecord] = []

    var all: [AccessRecord] { lock.withLock { records } }

    func append(_ record: AccessRecord) {
        lock.withLock { records.append(record) }
    }
}
