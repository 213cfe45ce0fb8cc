// SPDX-License-Identifier: Apache-2.0

/// What the scheduler knows of one sequence, waiting or running.
struct ScheduledSequence: Sendable {
    let id: SequenceID
    let promptTokenCount: Int
    let maxNewTokenCount: Int
    let scoresPrompt: Bool
    var phase = SequencePhase.waiting
    /// The row of the block tables; means nothing while waiting.
    var seat = 0
    /// Known tokens: the prompt and every accepted one. Preemption keeps it.
    private(set) var tokenCount: Int
    /// Positions whose keys and values are in the KV blocks. Preemption sets it back to zero.
    private(set) var computedTokenCount = 0
    /// Prompt positions whose logits were delivered already. Preemption keeps it.
    private var scoredTokenCount = 0

    init(id: SequenceID, promptTokenCount: Int, maxNewTokenCount: Int, scoresPrompt: Bool) {
        self.id = id
        self.promptTokenCount = promptTokenCount
        self.maxNewTokenCount = maxNewTokenCount
        self.scoresPrompt = scoresPrompt
        tokenCount = promptTokenCount
    }

    /// Known tokens that are not computed yet.
    var pendingTokenCount: Int { tokenCount - computedTokenCount }

    var remainingTokenCount: Int { promptTokenCount + maxNewTokenCount - tokenCount }

    /// How many tokens may be sampled after the next rows: speculation would raise the one.
    func maxAcceptedTokenCount(afterRowCount rowCount: Int) -> Int {
        rowCount == pendingTokenCount ? min(1, remainingTokenCount) : 0
    }

    /// How many of the next rows, from the last backwards, need logits.
    ///
    /// Rows that were scored before a preemption come first and are not scored again; a sequence
    /// with generated tokens has scored its whole prompt, so only the last row is left.
    func logitsRowCount(ofRowCount rowCount: Int) -> Int {
        let end = computedTokenCount + rowCount
        let scoring = scoresPrompt ? max(0, promptTokenCount - scoredTokenCount) : 0
        if scoring > 0 {
            return max(0, end - max(computedTokenCount, scoredTokenCount))
        }
        return maxAcceptedTokenCount(afterRowCount: rowCount)
    }

    /// Counts computed rows and the tokens accepted after them; ends at the length limit.
    mutating func advance(past entry: StepPlan.Entry, acceptedTokenCount: Int) {
        precondition(
            entry.startPosition == computedTokenCount, "the plan is not the latest one")
        let fewestAccepted = min(1, entry.maxAcceptedTokenCount)
        precondition(
            (fewestAccepted...entry.maxAcceptedTokenCount).contains(acceptedTokenCount),
            "\(acceptedTokenCount) tokens for an entry of \(entry.maxAcceptedTokenCount)")
        let isPrefillComplete = entry.endPosition >= tokenCount
        tokenCount += acceptedTokenCount
        // A rejected guess leaves computed rows behind that belong to no token.
        computedTokenCount =
            isPrefillComplete && acceptedTokenCount > 0
            ? min(entry.endPosition, tokenCount - 1) : entry.endPosition
        scoredTokenCount = max(scoredTokenCount, min(entry.endPosition, promptTokenCount))
        if isPrefillComplete {
            phase = remainingTokenCount == 0 ? .finished : .decoding
        }
    }

    /// Forgets what was computed, not what was generated.
    mutating func restart() {
        phase = .waiting
        computedTokenCount = 0
    }
}
