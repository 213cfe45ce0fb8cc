// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import Synchronization

/// SIGTERM and SIGINT: the end of the process while the model loads, events once it serves.
final class TerminationSignals: Sendable {
    private let events: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let isServing: SharedFlag
    nonisolated(unsafe) private let sources: [any DispatchSourceSignal]  // not touched after init

    init() {
        let (events, continuation) = AsyncStream<Void>.makeStream()
        let isServing = SharedFlag()
        self.events = events
        self.continuation = continuation
        self.isServing = isServing
        sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { @Sendable in
                guard isServing.value.load(ordering: .relaxed) else {
                    printError("stopped while loading")
                    exit(128 + number)
                }
                continuation.yield()
            }
            source.activate()
            return source
        }
    }

    /// From now on signals are events.
    func beginServing() { isServing.value.store(true, ordering: .relaxed) }

    /// An event as a signal would be one: the server has to end by itself.
    func post() { continuation.yield() }

    /// Waits for the next event.
    func next() async {
        for await _ in events { return }
    }
}

/// A flag that a signal's closure and its owner share.
private final class SharedFlag: Sendable {
    let value = Atomic<Bool>(false)
}
