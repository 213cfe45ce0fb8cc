// SPDX-License-Identifier: Apache-2.0

package import Synchronization

/// What a server has done, readable from any thread.
package final class ServerCounters: Sendable {
    /// Connections open now.
    package let openConnectionCount = Atomic<Int>(0)
    /// Connections accepted since the start.
    package let totalConnectionCount = Atomic<Int>(0)
    /// Connections answered 503 or dropped because there were too many.
    package let rejectedConnectionCount = Atomic<Int>(0)
    /// Connections whose handshake failed or whose records were damaged.
    package let tlsFailureCount = Atomic<Int>(0)
    /// Complete requests.
    package let requestCount = Atomic<Int>(0)
    /// Requests that the server answered itself with an error.
    package let refusals = ReasonCounts<RefusalReason>()
    /// Exchanges cancelled before their response was complete.
    package let cancellations = ReasonCounts<CancelReason>()
    /// Connections reset as their clients read too slowly, whether a response was complete or not.
    package let slowReaderCount = Atomic<Int>(0)
    /// Bytes received from sockets.
    package let receivedBytes = Atomic<Int>(0)
    /// Bytes handed to sockets.
    package let sentBytes = Atomic<Int>(0)

    /// All zero.
    package init() {}
}

/// A count for each reason that something may have, readable from any thread.
package final class ReasonCounts<Reason: CaseIterable & Hashable & Sendable>: Sendable {
    private let counts: [Reason: Count]

    /// All zero.
    package init() {
        counts = Dictionary(uniqueKeysWithValues: Reason.allCases.map { ($0, Count()) })
    }

    /// How often each reason was counted, in the order of the cases.
    package var values: [(reason: Reason, count: Int)] {
        Reason.allCases.map { ($0, counts[$0]?.number.value ?? 0) }
    }

    /// How often any reason was counted.
    package var total: Int { values.reduce(0) { $0 + $1.count } }

    func count(_ reason: Reason) { counts[reason]?.number.count() }
}

/// A count with a place of its own.
private final class Count: Sendable {
    let number = Atomic<Int>(0)
}

extension Atomic<Int> {
    /// The value now.
    package var value: Int { load(ordering: .relaxed) }

    func count(_ amount: Int = 1) {
        wrappingAdd(amount, ordering: .relaxed)
    }
}
