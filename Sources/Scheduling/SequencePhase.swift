// SPDX-License-Identifier: Apache-2.0

/// How far a sequence has come between its arrival and its end.
package enum SequencePhase: Sendable {
    /// In the queue, without a seat and without KV blocks: new, or preempted.
    case waiting
    /// Seated, with known tokens whose positions are still to be computed before the next sample.
    case prefilling
    /// Seated, and one sampled token away from the end of what is computed.
    case decoding
    /// Ended; only seen inside a commit, just before the seat is cleared.
    case finished
}
