// SPDX-License-Identifier: Apache-2.0

/// What of a step decides how long it takes.
package struct StepLoad: Equatable, Sendable {
    /// Rows of sequences that decode.
    package var decodeRowCount = 0
    /// Rows of prompts, and of what preempted sequences compute again.
    package var prefillRowCount = 0
    /// Positions that queries see, summed over all rows.
    package var attendedPositionCount = 0

    /// A step without rows.
    package init() {}

    /// Adds rows of a sequence.
    mutating func add(_ positions: Range<Int>, isDecode: Bool) {
        if isDecode {
            decodeRowCount += positions.count
        } else {
            prefillRowCount += positions.count
        }
        attendedPositionCount +=
            positions.count * (positions.lowerBound + positions.upperBound + 1) / 2
    }
}

extension StepPlan {
    /// What the step will have to do.
    package var load: StepLoad {
        var load = StepLoad()
        for (index, entry) in entries.enumerated() {
            load.add(
                entry.startPosition..<entry.endPosition, isDecode: index < decodeCount)
        }
        return load
    }
}

extension Scheduler {
    /// The decodes of the next step, if none is preempted.
    package var decodeLoad: StepLoad {
        var load = StepLoad()
        for sequence in running where sequence.phase == .decoding {
            load.add(sequence.computedTokenCount..<sequence.tokenCount, isDecode: true)
        }
        return load
    }

    /// Whose decodes those are.
    package var decoding: [SequenceID] {
        running.filter { $0.phase == .decoding }.map(\.id)
    }

    /// Where the first prompt that is being computed goes on.
    package var nextPrefillPosition: Int {
        running.first { $0.phase == .prefilling }?.computedTokenCount ?? 0
    }
}
