// SPDX-License-Identifier: Apache-2.0

/// Which limit, or which pair of limits, cannot be.
package enum SchedulerLimitsError: Error, Equatable {
    /// One limit is outside of what any machine could use.
    case outOfRange(name: String, value: Int, allowed: ClosedRange<Int>)
    /// A step could not hold one token of each running sequence, so decodes would be skipped.
    case stepBelowSeats(maxStepTokenCount: Int, maxRunningSequenceCount: Int)
    /// Prefill beside decodes cannot have more than the step has.
    case prefillAboveStep(maxPrefillTokenCountWhileDecoding: Int, maxStepTokenCount: Int)
    /// A prompt of legal length could not even wait in an empty queue.
    case queueBelowSequence(maxWaitingTokenCount: Int, maxSequenceLength: Int)
    /// The block tables of all seats would take more memory than they are worth.
    case blockTablesTooLarge(entryCount: Int, maxEntryCount: Int)
}

extension SchedulerLimitsError: CustomStringConvertible {
    /// The contradiction in one line, for the command that prints it and exits.
    package var description: String {
        switch self {
        case .outOfRange(let name, let value, let allowed):
            "\(name) is \(value), it must be in \(allowed.lowerBound)...\(allowed.upperBound)"
        case .stepBelowSeats(let step, let seats):
            "maxStepTokenCount is \(step), it must be at least maxRunningSequenceCount, \(seats)"
        case .prefillAboveStep(let prefill, let step):
            "maxPrefillTokenCountWhileDecoding is \(prefill), it must be at most "
                + "maxStepTokenCount, \(step)"
        case .queueBelowSequence(let queue, let length):
            "maxWaitingTokenCount is \(queue), it must be at least maxSequenceLength, \(length)"
        case .blockTablesTooLarge(let count, let limit):
            "block tables of \(count) entries exceed \(limit): lower maxRunningSequenceCount or "
                + "maxSequenceLength"
        }
    }
}
