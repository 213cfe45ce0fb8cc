// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import Synchronization

@testable import HTTPServing

/// A server whose `/ticks` streams are fed by a thread of their own, one hop for all, as an engine
/// feeds its sequences.
final class TickingServer: Sendable {
    /// What became of the streams.
    struct Ledger {
        var live: Set<Exchange> = []
        var openedCount = 0
        var finishedCount = 0
        var cancelledCount = 0
        /// Cancellations of streams that were not live: must stay 0.
        var strayCount = 0
    }

    let server: HTTPServer
    let address: ListenAddress
    private let ledger: Box
    private let isStopped: Flag

    /// A POSIX lock, as the thread sanitizer does not see through Synchronization's Mutex on Linux.
    private final class Box: @unchecked Sendable {  // the ledger is only touched under the lock
        private let lock = NSLock()
        private var ledger = Ledger()

        func withLedger<Result>(_ body: (inout Ledger) -> Result) -> Result {
            lock.withLock { body(&ledger) }
        }
    }

    private final class Flag: Sendable {
        let value = Atomic<Bool>(false)
    }

    init() async throws {
        let box = Box()
        var limits = HTTPServerLimits()
        limits.lingerTimeout = .milliseconds(500)
        var configuration = HTTPServerConfiguration(routes: Self.routes(box))
        configuration.limits = limits
        server = try HTTPServer(configuration)
        address = try await server.listen(at: .internet(host: "127.0.0.1", port: 0))
        ledger = box
        isStopped = Flag()
        Thread.detachNewThread { [server, box, isStopped] in
            Self.tick(server, box, isStopped)
        }
    }

    var streams: Ledger { ledger.withLedger { $0 } }

    /// Stops the ticks, then the server.
    func stop() async {
        isStopped.value.store(true, ordering: .relaxed)
        await server.shutdown(grace: .seconds(5))
    }

    /// One hop to the loop per step, which writes to every live stream; the last step of a stream
    /// ends it.
    private static func tick(_ server: HTTPServer, _ box: Box, _ isStopped: Flag) {
        let frame = Array("data: {\"token\":\"word\"}\n\n".utf8)
        var random = SeededGenerator(seed: 1)
        while !isStopped.value.load(ordering: .relaxed) {
            usleep(1000)
            let live = box.withLedger { $0.live }
            let ending = live.filter { _ in Int.random(in: 0..<200, using: &random) == 0 }
            server.execute { server in
                for exchange in live where exchange.write(frame, on: server) {
                    guard ending.contains(exchange), exchange.finish(on: server) else { continue }
                    box.withLedger {
                        $0.live.remove(exchange)
                        $0.finishedCount += 1
                    }
                }
            }
        }
    }

    private static func routes(_ box: Box) -> RouteTable<Responder> {
        var routes = RouteTable<Responder>()
        let big = [UInt8](repeating: 65, count: 256 << 10)
        routes.add(.get, "/hello") { _, exchange, server in
            exchange.respond(HTTPResponse(status: .ok), body: Array("hello".utf8), on: server)
        }
        routes.add(.get, "/big") { _, exchange, server in
            exchange.respond(HTTPResponse(status: .ok), body: big, on: server)
        }
        routes.add(.post, "/echo") { request, exchange, server in
            exchange.respond(HTTPResponse(status: .ok), body: request.body, on: server)
        }
        routes.add(.get, "/ticks") { _, exchange, server in
            box.withLedger {
                $0.openedCount += 1
                $0.live.insert(exchange)
            }
            exchange.onCancel(on: server) { _, _ in
                box.withLedger {
                    if $0.live.remove(exchange) == nil { $0.strayCount += 1 }
                    $0.cancelledCount += 1
                }
            }
            exchange.begin(
                HTTPResponse(status: .ok, headerFields: [.contentType: "text/event-stream"]),
                on: server)
        }
        return routes
    }
}
