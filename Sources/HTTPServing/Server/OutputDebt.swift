// SPDX-License-Identifier: Apache-2.0

/// What a client has left unread of earlier turns' output, and so whether it reads too slowly.
///
/// What the newest turn wrote is not held against it: it had no chance to read that. Neither is a turn that
/// is larger than the limit by itself, until it is read: the stall time-out judges such a reader.
struct OutputDebt {
    /// Bytes that waited when the queue was last sent.
    private var carriedBytes = 0
    /// The largest turn since no more than the limit waited.
    private var largestTurnBytes = 0

    /// Takes over what a queue held before and after it was sent, in bytes; whether more than `maxBytes` of
    /// earlier turns still wait, or more than the largest turn if that is more.
    mutating func settle(queuedBytes: Int, remainingBytes: Int, maxBytes: Int) -> Bool {
        let newBytes = max(queuedBytes - carriedBytes, 0)
        // The queue is sent in order: what remains is new first.
        let earlierBytes = remainingBytes - newBytes
        let isTooMuch = earlierBytes > max(maxBytes, largestTurnBytes)
        carriedBytes = remainingBytes
        largestTurnBytes = remainingBytes > maxBytes ? max(largestTurnBytes, newBytes) : 0
        return isTooMuch
    }
}
