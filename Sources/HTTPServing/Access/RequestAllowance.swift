// SPDX-License-Identifier: Apache-2.0

/// What one key may still ask for: a bucket that holds a minute's requests and refills steadily, and the
/// requests that are being answered.
struct RequestAllowance {
    var limits: KeyLimits
    private(set) var runningCount = 0
    /// Requests that may start now; not a whole number while it refills.
    private var level: Double
    private var filledAt: UInt64

    /// A full allowance; times are nanoseconds on any clock that goes forward.
    init(_ limits: KeyLimits, now: UInt64) {
        self.limits = limits
        level = Double(limits.maxRequestsPerMinute ?? 0)
        filledAt = now
    }

    /// Counts a request that starts.
    /// - Throws: `Refusal.tooManyRunning` or `rateLimited`, and then nothing was counted.
    mutating func start(now: UInt64) throws(Refusal) {
        if let limit = limits.maxConcurrentRequests, runningCount >= limit {
            throw .tooManyRunning(maxCount: limit)
        }
        if let limit = limits.maxRequestsPerMinute {
            refill(limit, now: now)
            guard level >= 1 else {
                let seconds = (1 - level) * 60 / Double(limit)
                throw .rateLimited(
                    maxPerMinute: limit, retryAfterSeconds: max(1, Int(seconds.rounded(.up))))
            }
            level -= 1
        }
        runningCount += 1
    }

    /// Counts the end of a request that was started.
    mutating func finish() { runningCount -= 1 }

    private mutating func refill(_ limit: Int, now: UInt64) {
        let elapsed = Double(now - min(filledAt, now)) / 60e9
        level = min(Double(limit), level + elapsed * Double(limit))
        filledAt = now
    }
}
