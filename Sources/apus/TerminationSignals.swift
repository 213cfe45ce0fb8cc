// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation

/// SIGTERM and SIGINT as events.
final class TerminationSignals: Sendable {
    private let events: AsyncStream<Void>
    nonisolated(unsafe) private let sources: [any DispatchSourceSignal]  // not touched after init

    init() {
        let (events, continuation) = AsyncStream<Void>.makeStream()
        self.events = events
        sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { @Sendable in continuation.yield() }
            source.activate()
            return source
        }
    }

    /// Waits for the next signal.
    func next() async {
        for await _ in events { return }
    }
}
