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
    package let refusalCount = Atomic<Int>(0)
    /// Exchanges cancelled before their response was complete.
    package let cancelledCount = Atomic<Int>(0)
    /// Bytes received from sockets.
    package let receivedBytes = Atomic<Int>(0)
    /// Bytes handed to sockets.
    package let sentBytes = Atomic<Int>(0)

    /// All zero.
    package init() {}
}

extension Atomic<Int> {
    /// The value now.
    package var value: Int { load(ordering: .relaxed) }

    func count(_ amount: Int = 1) {
        wrappingAdd(amount, ordering: .relaxed)
    }
}
