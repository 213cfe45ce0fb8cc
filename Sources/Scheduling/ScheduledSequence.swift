// SPDX-License-Identifier: Apache-2.0

/// What the scheduler knows of one sequence, waiting or running.
struct ScheduledSequence: Sendable {
    private(set) var id: SequenceID
    /// Sequences that begin where the prompt ends, in the order in which they were asked for.
    var forks: [SequenceID]
    let promptTokenCount: Int
    let maxNewTokenCount: Int
    let scoresPrompt: Bool
    let namespace: CacheNamespace
    let priority: Int
    var phase = SequencePhase.waiting
    /// The row of the block tables; means nothing while waiting.
    var seat = 0
    /// Known tokens: the prompt and every accepted one. Preemption keeps them.
    private(set) var tokens: [Int32]
    /// Positions whose keys and values are in the KV blocks. Preemption sets it back to zero.
    private(set) var computedTokenCount = 0
    /// Prompt positions whose logits were delivered already. Preemption keeps it.
    private var scoredTokenCount = 0

    init(_ request: SequenceRequest) {
        id = request.id
        forks = request.forks
        promptTokenCount = request.prompt.count
        maxNewTokenCount = request.maxNewTokenCount
        scoresPrompt = request.scoresPrompt
        namespace = request.namespace
        priority = request.priority
        tokens = request.prompt
    }

    var tokenCount: Int { tokens.count }

    /// Known tokens that are not computed yet.
    var pendingTokenCount: Int { tokenCount - computedTokenCount }

    var remainingTokenCount: Int { promptTokenCount + maxNewTokenCount - tokenCount }

    /// How many positions need not be computed where their keys and values are at hand: all but those whose
    /// logits are wanted, the last one always.
    var reusablePositionCount: Int {
        scoresPrompt && scoredTokenCount < promptTokenCount ? scoredTokenCount : tokenCount - 1
    }

    /// How many tokens may be sampled after the next rows, none of them a guess.
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

    /// Counts positions that were found computed.
    mutating func skip(toPosition position: Int) {
        computedTokenCount = position
    }

    /// Counts computed rows, and the guesses among them that proved right; true when that completes what was
    /// known.
    mutating func advance(past entry: StepPlan.Entry, verified: some Collection<Int32>) -> Bool {
        precondition(
            entry.startPosition == computedTokenCount, "the plan is not the latest one")
        tokens += verified
        computedTokenCount = entry.endPosition - entry.draftTokenCount + verified.count
        scoredTokenCount = max(scoredTokenCount, min(computedTokenCount, promptTokenCount))
        return pendingTokenCount == 0
    }

    /// Appends what was sampled; ends at the length limit.
    mutating func accept(_ newTokens: some Collection<Int32>) {
        tokens += newTokens
        if remainingTokenCount == 0 {
            phase = .finished
        } else if !newTokens.isEmpty {
            phase = .decoding
        }
    }

    /// Another sequence that begins as this one is now.
    func fork(as id: SequenceID) -> ScheduledSequence {
        var fork = self
        fork.id = id
        fork.forks = []
        return fork
    }

    /// Hands the work on the prompt to the first of the forks; false without any.
    mutating func leaveToFork() -> Bool {
        guard !forks.isEmpty else { return false }
        id = forks.removeFirst()
        return true
    }

    /// Forgets what was computed, not what was generated.
    mutating func restart() {
        phase = .waiting
        computedTokenCount = 0
    }
}
