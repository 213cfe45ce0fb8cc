// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The clocks of the loop.
enum LoopClock {
    /// Nanoseconds on the monotonic clock.
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Whole seconds since 1970.
    static func secondsSince1970() -> Int {
        time(nil)
    }
}
