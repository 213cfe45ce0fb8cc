// SPDX-License-Identifier: Apache-2.0

/// How fast a queue is served: sequences that left it per second, over about the last half minute in which
/// something waited.
package struct SeatingRate: Sendable {
    private var count = 0.0
    private var seconds = 0.0

    /// How far back the rate looks.
    private static let memorySeconds = 30.0

    /// A rate of nothing.
    package init() {}

    /// Notes that so many sequences left the queue in so many seconds.
    package mutating func record(_ newCount: Int, seconds newSeconds: Double) {
        guard newSeconds > 0, newSeconds.isFinite else { return }
        let kept = Self.memorySeconds / (Self.memorySeconds + newSeconds)
        count = kept * count + Double(newCount)
        seconds = kept * seconds + newSeconds
    }

    /// Whole seconds, 1 to 600, until as many as wait now will have left; nil while nothing was measured.
    package func seconds(untilServed waitingCount: Int) -> Int? {
        guard count > 0, seconds > 0 else { return nil }
        let wait = (Double(waitingCount) / count * seconds).rounded(.up)
        return Int(min(600, max(1, wait)))
    }

    /// How many leave the queue in so many seconds; nil while nothing was measured.
    package func count(servedWithin time: Double) -> Int? {
        guard count > 0, seconds > 0 else { return nil }
        return Int(min(Double(Int32.max), time / seconds * count))
    }
}
