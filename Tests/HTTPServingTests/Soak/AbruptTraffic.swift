// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

@testable import HTTPServing

/// Clients of every bad manner, many at once: they reset, close, half-close, stop in the middle of
/// a head, a body or a stream, or speak nonsense, and now and then behave.
struct AbruptTraffic: Sendable {
    enum Manner: CaseIterable, Sendable {
        case polite, persistent, silent
        case partialHead, partialBody, partialChunks, nonsense
        case leaveAfterSending, leaveInAnswer, leaveInStream
    }

    enum Leaving: CaseIterable, Sendable {
        case close, reset, halfClose
    }

    var address: ListenAddress
    var connectionCount: Int
    var seed: UInt64
    var threadCount = 8
    /// Connections of one thread that are open at a time.
    var openCount = 24

    /// Runs on threads of its own; how many connections were made.
    func run() async -> Int {
        let made = Atomic<Int>(0)
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            let running = DispatchGroup()
            for thread in 0..<threadCount {
                running.enter()
                Thread.detachNewThread {
                    made.wrappingAdd(runThread(thread), ordering: .relaxed)
                    running.leave()
                }
            }
            running.notify(queue: .global()) { @Sendable in done.resume() }
        }
        return made.load(ordering: .relaxed)
    }

    private func runThread(_ thread: Int) -> Int {
        var random = SeededGenerator(seed: seed &+ UInt64(thread))
        var open: [(client: TestClient, leaving: Leaving)] = []
        let share = connectionCount / threadCount + (thread < connectionCount % threadCount ? 1 : 0)
        var made = 0
        while made < share {
            if open.count == openCount {
                let (client, leaving) = open.remove(at: .random(in: 0..<openCount, using: &random))
                leave(client, leaving)
            }
            // No free port for a moment is the client's trouble, not the server's.
            guard let client = try? TestClient(address, receiveBufferBytes: 16 << 10) else {
                continue
            }
            made += 1
            let manner = Manner.allCases.randomElement(using: &random) ?? .polite
            let leaving = Leaving.allCases.randomElement(using: &random) ?? .close
            behave(client, manner, &random)
            if Bool.random(using: &random) {
                open.append((client, leaving))
            } else {
                leave(client, leaving)
            }
        }
        for (client, leaving) in open { leave(client, leaving) }
        return made
    }

    private func behave(
        _ client: TestClient, _ manner: Manner, _ random: inout SeededGenerator
    ) {
        let hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
        let post = "POST /echo HTTP/1.1\r\nHost: a\r\n"
        switch manner {
        case .silent: break
        case .polite:
            client.send(hello)
            _ = client.receiveResponse()
        case .persistent:
            client.send(hello + hello + hello)
            for _ in 0..<3 { _ = client.receiveResponse() }
        case .partialHead: client.send(String(hello.prefix(.random(in: 1..<30, using: &random))))
        case .partialBody: client.send(post + "Content-Length: 9000\r\n\r\npart")
        case .partialChunks:
            client.send(post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n9\r\nx")
        case .nonsense: client.send("no sense\r\n\r\n" + hello)
        case .leaveAfterSending: client.send(hello + "GET /ticks HTTP/1.1\r\nHost: a\r\n\r\n")
        case .leaveInAnswer:
            client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
            client.receiveSome()
        case .leaveInStream:
            client.send("GET /ticks HTTP/1.1\r\nHost: a\r\n\r\n")
            client.receiveSome()
        }
    }

    private func leave(_ client: TestClient, _ leaving: Leaving) {
        switch leaving {
        case .close: client.close()
        case .reset: client.reset()
        case .halfClose:
            client.finishSending()
            client.receiveSome()
            client.close()
        }
    }
}
