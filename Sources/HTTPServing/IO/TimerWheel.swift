// SPDX-License-Identifier: Apache-2.0

/// Deadlines in coarse ticks: one timer for any number of connections.
///
/// A token whose deadline moves later stays where it is; whoever is told of an entry that is no
/// longer due schedules it again. So the common case, a deadline pushed back, costs nothing.
struct TimerWheel {
    private struct Entry {
        var token: UInt64
        var tick: UInt64
    }

    private var slots: [[Entry]]
    /// The tick up to which deadlines were handed out.
    private(set) var currentTick: UInt64 = 0

    init(slotCount: Int = 512) {
        slots = Array(repeating: [], count: slotCount)
    }

    /// Puts a token on the wheel; the tick at which it will come out, which is earlier than wanted
    /// where the wheel is too small.
    mutating func schedule(_ token: UInt64, at wantedTick: UInt64) -> UInt64 {
        let last = currentTick + UInt64(slots.count) - 1
        let tick = min(max(wantedTick, currentTick + 1), last)
        slots[Int(tick % UInt64(slots.count))].append(Entry(token: token, tick: tick))
        return tick
    }

    /// Moves the time on and hands out what came due.
    mutating func advance(to tick: UInt64) -> [(token: UInt64, tick: UInt64)] {
        guard tick > currentTick else { return [] }
        var due: [(token: UInt64, tick: UInt64)] = []
        let steps = min(tick - currentTick, UInt64(slots.count))
        for step in 1...steps {
            let index = Int((currentTick + step) % UInt64(slots.count))
            due += slots[index].map { ($0.token, $0.tick) }
            slots[index] = []
        }
        currentTick = tick
        return due
    }
}
