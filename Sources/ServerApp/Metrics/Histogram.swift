// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A Prometheus histogram; any thread may observe and read.
final class Histogram: Sendable {
    private let bounds: [Double]
    private let counts: [AtomicCount]
    private let sum = Atomic<UInt64>(0)

    /// One bucket up to each bound, ascending, and one beyond the last.
    init(bounds: [Double]) {
        self.bounds = bounds
        counts = (0...bounds.count).map { _ in AtomicCount() }
    }

    /// Adds one observation.
    func observe(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count].add(1)
        var old = sum.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + value).bitPattern
            let (exchanged, current) = sum.weakCompareExchange(
                expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = current
        }
    }

    /// Adds one observation, in seconds.
    func observe(_ duration: Duration) { observe(duration / .seconds(1)) }

    /// Observations up to each bound, the last of which is `+Inf`; their sum and how many there are.
    var values: (buckets: [(bound: String, count: Int)], sum: Double, count: Int) {
        var buckets: [(bound: String, count: Int)] = []
        var total = 0
        for (index, bound) in (bounds.map { "\($0)" } + ["+Inf"]).enumerated() {
            total += counts[index].value
            buckets.append((bound, total))
        }
        return (buckets, Double(bitPattern: sum.load(ordering: .relaxed)), total)
    }
}

/// A count that any thread may change and read.
final class AtomicCount: Sendable {
    private let storage = Atomic<Int>(0)

    var value: Int { storage.load(ordering: .relaxed) }
    func add(_ count: Int) { storage.add(count, ordering: .relaxed) }
    func set(_ value: Int) { storage.store(value, ordering: .relaxed) }
}
