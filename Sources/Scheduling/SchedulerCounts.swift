// SPDX-License-Identifier: Apache-2.0

/// The scheduler's gauges and counters as they stand between two steps.
package struct SchedulerCounts: Equatable, Sendable {
    /// Sequences that hold a seat, prefilling or decoding.
    package let runningSequenceCount: Int
    /// Sequences without a seat: in the queue, preempted, or forks whose prompt is not computed yet.
    package let waitingRequestCount: Int
    /// Tokens that the queue will have to prefill; for preempted ones, generated tokens too.
    package let waitingTokenCount: Int
    /// KV blocks that some sequence holds.
    package let usedBlockCount: Int
    /// KV blocks that no sequence holds.
    package let freeBlockCount: Int
    /// KV blocks, held or not, that are found by their content.
    package let cachedBlockCount: Int
    /// Preemptions since the start; never goes down.
    package let preemptionCount: Int
    /// Sequences that left the queue since the start; never goes down.
    package let startCount: Int
}
