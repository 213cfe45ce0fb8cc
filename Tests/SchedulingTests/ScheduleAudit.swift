// SPDX-License-Identifier: Apache-2.0

import Scheduling

/// Follows a scheduler from outside and checks each plan against a model of its own.
///
/// The model knows only what was enqueued, aborted, planned and committed.
struct ScheduleAudit {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    struct LiveSequence {
        let id: SequenceID
        let promptTokenCount: Int
        let maxNewTokenCount: Int
        let scoresPrompt: Bool
        var phase = SequencePhase.waiting
        var tokenCount: Int
        var computedTokenCount = 0
        var scoredTokenCount = 0
        /// By group, the blocks that the sequence needs, by their place in its table.
        var blocks: [[Int: Int32]] = []

        var remainingTokenCount: Int { promptTokenCount + maxNewTokenCount - tokenCount }
    }

    let limits: SchedulerLimits
    /// In order of arrival.
    private(set) var live: [LiveSequence] = []

    init(limits: SchedulerLimits) {
        self.limits = limits
    }

    mutating func arrive(
        _ id: SequenceID, promptTokenCount: Int, maxNewTokenCount: Int, scoresPrompt: Bool
    ) {
        live.append(
            LiveSequence(
                id: id, promptTokenCount: promptTokenCount, maxNewTokenCount: maxNewTokenCount,
                scoresPrompt: scoresPrompt, tokenCount: promptTokenCount))
    }

    mutating func depart(_ id: SequenceID) {
        live.removeAll { $0.id == id }
    }

    mutating func check(_ plan: StepPlan) throws {
        try notePreempted(plan)
        try checkBudgets(plan)
        try checkTurns(plan)
        try checkCuts(plan)
        for (index, entry) in plan.entries.enumerated() {
            try checkRows(entry, isDecode: index < plan.decodeCount)
            try noteBlocks(Array(plan.blockTables[entry.blockTables]), entry)
        }
        try checkBlocksAreApart()
    }

    /// Checks that whoever waits arrived later than everyone who runs.
    func checkOrder(phases: [SequencePhase?]) throws {
        let firstWaiting = phases.firstIndex(of: .waiting) ?? phases.endIndex
        try demand(
            phases[firstWaiting...].allSatisfy { $0 == .waiting }, "overtaken: \(phases)")
    }

    /// Counts what the step computed.
    mutating func commit(_ plan: StepPlan, outcomes: [StepOutcome]) {
        for (entry, outcome) in zip(plan.entries, outcomes) {
            guard let index = live.firstIndex(where: { $0.id == entry.sequence }) else { continue }
            guard case .accepted(let tokenCount) = outcome else {
                live.remove(at: index)
                continue
            }
            let isPrefillComplete = entry.endPosition == live[index].tokenCount
            live[index].tokenCount += tokenCount
            live[index].computedTokenCount = entry.endPosition
            live[index].scoredTokenCount = max(live[index].scoredTokenCount, entry.endPosition)
            live[index].phase = isPrefillComplete ? .decoding : .prefilling
            if isPrefillComplete, live[index].remainingTokenCount == 0 {
                live.remove(at: index)
            }
        }
    }

    private func demand(_ condition: Bool, _ description: @autoclosure () -> String) throws {
        if !condition {
            throw Failure(description: description())
        }
    }

    private mutating func notePreempted(_ plan: StepPlan) throws {
        for id in plan.preempted {
            guard let victim = live.firstIndex(where: { $0.id == id }) else {
                throw Failure(description: "preempted \(id.rawValue), which is not live")
            }
            let youngest = live.lastIndex { $0.phase != .waiting } ?? victim
            try demand(victim >= youngest, "preempted \(id.rawValue), which is not the youngest")
            live[victim].phase = .waiting
            live[victim].computedTokenCount = 0
            live[victim].blocks = []
        }
    }

    private func checkBudgets(_ plan: StepPlan) throws {
        let tokenCount = plan.entries.reduce(0) { $0 + $1.tokenCount }
        try demand(tokenCount == plan.tokenCount, "counts \(plan.tokenCount) of \(tokenCount)")
        try demand(tokenCount <= limits.maxStepTokenCount, "\(tokenCount) tokens in the step")
        try demand(
            plan.entries.count <= limits.maxRunningSequenceCount,
            "\(plan.entries.count) sequences in the step")
        let prefillTokenCount = plan.entries.dropFirst(plan.decodeCount)
            .reduce(0) { $0 + $1.tokenCount }
        try demand(
            plan.decodeCount == 0
                || prefillTokenCount <= limits.maxPrefillTokenCountWhileDecoding,
            "\(prefillTokenCount) tokens of prefill beside \(plan.decodeCount) decodes")
    }

    /// No decode is skipped, and whoever has been here longest always gets on.
    private func checkTurns(_ plan: StepPlan) throws {
        let planned = plan.entries.map(\.sequence)
        try demand(Set(planned).count == planned.count, "a sequence is in the step twice")
        for sequence in live where sequence.phase == .decoding {
            try demand(
                planned.contains(sequence.id), "decode \(sequence.id.rawValue) was skipped")
        }
        if let oldest = live.first {
            try demand(planned.contains(oldest.id), "oldest \(oldest.id.rawValue) was skipped")
        }
    }

    /// At most one prompt is left cut, and at a multiple of the kernels' tile.
    private func checkCuts(_ plan: StepPlan) throws {
        let cut = plan.entries.filter { entry in
            live.contains { $0.id == entry.sequence && entry.endPosition < $0.tokenCount }
        }
        try demand(cut.count <= 1, "\(cut.count) prompts are cut")
        let budget =
            plan.decodeCount == 0
            ? limits.maxStepTokenCount
            : min(
                limits.maxPrefillTokenCountWhileDecoding,
                limits.maxStepTokenCount - plan.decodeCount)
        for entry in cut {
            try demand(
                entry.tokenCount % 8 == 0 || budget < 8,
                "a chunk of \(entry.tokenCount) tokens within a budget of \(budget)")
        }
    }

    private func checkRows(_ entry: StepPlan.Entry, isDecode: Bool) throws {
        guard let sequence = live.first(where: { $0.id == entry.sequence }) else {
            throw Failure(description: "planned \(entry.sequence.rawValue), which is not live")
        }
        let name = "sequence \(entry.sequence.rawValue)"
        try demand(isDecode == (sequence.phase == .decoding), "\(name) is in the wrong part")
        try demand(
            entry.startPosition == sequence.computedTokenCount,
            "\(name) starts at \(entry.startPosition), not \(sequence.computedTokenCount)")
        try demand(
            entry.tokenCount > 0 && entry.endPosition <= sequence.tokenCount,
            "\(name) computes up to \(entry.endPosition) of \(sequence.tokenCount)")
        let isComplete = entry.endPosition == sequence.tokenCount
        let accepted = isComplete ? min(1, sequence.remainingTokenCount) : 0
        try demand(entry.maxAcceptedTokenCount == accepted, "\(name) samples the wrong row")
        try demand(
            entry.remainingTokenCount == sequence.remainingTokenCount,
            "\(name) has \(entry.remainingTokenCount) tokens remaining")
        let positions = entry.startPosition..<entry.endPosition
        let scored = positions.filter {
            sequence.scoresPrompt && $0 < sequence.promptTokenCount
                && $0 >= sequence.scoredTokenCount
        }
        try demand(
            entry.logitsRowCount == max(scored.count, accepted),
            "\(name) has logits for \(entry.logitsRowCount) rows")
    }

    private mutating func noteBlocks(_ entries: [Int32], _ entry: StepPlan.Entry) throws {
        let name = "sequence \(entry.sequence.rawValue)"
        let length = limits.blockCount(forPositionCount: entry.endPosition)
        try demand(
            entries.count == length * limits.kvSpans.count,
            "\(name) has \(entries.count) blocks of \(length) for each group")
        var blocks: [[Int: Int32]] = []
        for (group, span) in limits.kvSpans.enumerated() {
            let first = span.firstPosition(for: entry.startPosition) / limits.kvBlockLength
            let needed = (first..<length).map { ($0, entries[group * length + $0]) }
            blocks.append(Dictionary(uniqueKeysWithValues: needed))
        }
        for index in live.indices where live[index].id == entry.sequence {
            for (kept, now) in zip(live[index].blocks, blocks) {
                for (place, block) in now where kept[place] != nil {
                    try demand(kept[place] == block, "\(name) lost \(kept) for \(now)")
                }
            }
            live[index].blocks = blocks
        }
    }

    private func checkBlocksAreApart() throws {
        var isTaken = [Bool](repeating: false, count: limits.kvBlockCount)
        for sequence in live {
            for block in sequence.blocks.flatMap(\.values) {
                try demand(
                    isTaken.indices.contains(Int(block)) && !isTaken[Int(block)],
                    "block \(block) of sequence \(sequence.id.rawValue) belongs to another")
                isTaken[Int(block)] = true
            }
        }
    }
}
