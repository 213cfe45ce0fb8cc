// SPDX-License-Identifier: Apache-2.0

/// The scheduler's gauges and counters as they stand between two steps.
package struct SchedulerCounts: Equatable, Sendable {
    /// Sequences that hold a seat, prefilling or decoding.
    package let runningSequenceCount: Int
    /// Requests in the queue, preempted ones among them.
    package let waitingRequestCount: Int
    /// Tokens that the queue will have to prefill; for preempted ones, generated tokens too.
    package let waitingTokenCount: Int
    /// KV blocks that some sequence holds.
    package let usedBlockCount: Int
    /// KV blocks that no one holds.
    package let freeBlockCount: Int
    /// Preemptions since the start; never goes down.
    package let preemptionCount: Int
}
