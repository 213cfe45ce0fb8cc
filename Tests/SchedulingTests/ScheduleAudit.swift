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
        var id: SequenceID
        var forks: [SequenceID]
        let promptTokenCount: Int
        let maxNewTokenCount: Int
        let scoresPrompt: Bool
        let owner: String?
        let priority: Int
        let arrival: Int
        var phase = SequencePhase.waiting
        var isSeated = false
        /// Whether it was seated once: whoever was is served before all who never were.
        var hasTurn = false
        var tokenCount: Int
        var computedTokenCount = 0
        var scoredTokenCount = 0
        /// What the keys and values of each known position depend on.
        var contents: [UInt64]

        var remainingTokenCount: Int { promptTokenCount + maxNewTokenCount - tokenCount }
    }

    let limits: SchedulerLimits
    /// In order of service.
    private(set) var live: [LiveSequence] = []
    /// What each position of each block holds.
    private var kvContents: [UInt64]
    /// Positions that were not computed since others had been.
    private(set) var reusedPositionCount = 0
    private(set) var copyCount = 0
    private(set) var draftCount = 0
    private(set) var verifiedDraftCount = 0
    private var arrivalCount = 0

    init(limits: SchedulerLimits) {
        self.limits = limits
        kvContents = Array(repeating: 0, count: limits.kvBlockCount * limits.kvBlockLength)
    }

    mutating func arrive(_ request: SequenceRequest) {
        var sequence = LiveSequence(
            id: request.id, forks: request.forks, promptTokenCount: request.prompt.count,
            maxNewTokenCount: request.maxNewTokenCount, scoresPrompt: request.scoresPrompt,
            owner: request.namespace.owner, priority: request.priority, arrival: arrivalCount,
            tokenCount: 0, contents: [UInt64(bitPattern: Int64(request.namespace.hashValue))])
        append(request.prompt, to: &sequence)
        live.append(sequence)
        arrivalCount += 1
    }

    /// Everyone who has not ended.
    var liveIDs: [SequenceID] { live.flatMap { [$0.id] + $0.forks } }

    mutating func depart(_ id: SequenceID) {
        for index in live.indices {
            live[index].forks.removeAll { $0 == id }
            if live[index].id == id, !live[index].forks.isEmpty {
                live[index].id = live[index].forks.removeFirst()
            }
        }
        live.removeAll { $0.id == id }
    }

    private func append(_ tokens: [Int32], to sequence: inout LiveSequence) {
        for token in tokens {
            let isPrompt = sequence.tokenCount < sequence.promptTokenCount
            let kind: UInt64 = limits.tellsPromptTokensApart && isPrompt ? 1 : 0
            var mixed = SplitMix64(
                seed: (sequence.contents.last ?? 0) ^ UInt64(UInt32(bitPattern: token)) << 1 ^ kind)
            sequence.contents.append(mixed.next())
            sequence.tokenCount += 1
        }
    }

    /// Checks a plan, and who has a seat after it, in order of service.
    mutating func check(_ plan: StepPlan, running: [SequenceID]) throws {
        try notePreempted(plan)
        try noteSeated(running)
        try checkBudgets(plan)
        try checkTurns(plan)
        try checkCuts(plan)
        for (index, entry) in plan.entries.enumerated() {
            try checkRows(entry, isDecode: index < plan.decodeCount)
            try demand(
                Array(plan.forks[entry.forks]) == expectedForks(entry),
                "sequence \(entry.sequence.rawValue) has other forks")
        }
        copyBlocks(plan)
        for entry in plan.entries { try readBlocks(plan, entry) }
        var written: Set<Int> = []
        for entry in plan.entries { try writeBlocks(plan, entry, &written) }
    }

    /// Who had a seat has it still, then those come who had one once, then others, those of one owner by
    /// priority and arrival.
    private mutating func noteSeated(_ running: [SequenceID]) throws {
        let seated = live.filter(\.isSeated).map(\.id)
        try demand(Array(running.prefix(seated.count)) == seated, "\(seated) lost their seats")
        for id in running.dropFirst(seated.count) {
            guard let index = live.firstIndex(where: { $0.id == id }) else {
                throw Failure(description: "seated \(id.rawValue), which is not live")
            }
            let returning = live.first { $0.hasTurn && !$0.isSeated }
            if let returning {
                try demand(returning.id == id, "\(id.rawValue) overtakes \(returning.id.rawValue)")
                live[index].isSeated = true
                continue
            }
            var sequence = live.remove(at: index)
            for other in live where !other.hasTurn && other.owner == sequence.owner {
                try demand(
                    (sequence.priority, sequence.arrival) < (other.priority, other.arrival),
                    "\(id.rawValue) overtakes \(other.id.rawValue) of the same owner")
            }
            sequence.isSeated = true
            sequence.hasTurn = true
            live.insert(sequence, at: live.prefix { $0.hasTurn }.count)
        }
    }

    /// Counts what the step computed.
    mutating func commit(_ plan: StepPlan, outcomes: [StepOutcome]) {
        var rest = outcomes[...]
        for entry in plan.entries {
            let outcome = rest.removeFirst()
            let forks = zip(plan.forks[entry.forks], rest.prefix(entry.forks.count))
            rest = rest.dropFirst(entry.forks.count)
            guard let index = live.firstIndex(where: { $0.id == entry.sequence }) else { continue }
            let knownEnd = entry.endPosition - entry.draftTokenCount
            let isPrefillComplete = knownEnd == live[index].tokenCount
            live[index].computedTokenCount = knownEnd
            live[index].scoredTokenCount = max(live[index].scoredTokenCount, knownEnd)
            live[index].phase = isPrefillComplete ? .decoding : .prefilling
            for (fork, outcome) in forks { begin(fork, of: entry.sequence, outcome) }
            guard let index = live.firstIndex(where: { $0.id == entry.sequence }) else { continue }
            guard case .accepted(let tokens) = outcome else {
                depart(entry.sequence)
                continue
            }
            append(tokens, to: &live[index])
            keepDrafts(plan, entry, verifiedCount: tokens.count - 1, of: index)
            if isPrefillComplete, live[index].remainingTokenCount == 0 {
                live.remove(at: index)
            }
        }
    }

    /// Rows of guesses that proved right hold what the sequence would have computed.
    private mutating func keepDrafts(
        _ plan: StepPlan, _ entry: StepPlan.Entry, verifiedCount: Int, of index: Int
    ) {
        guard entry.draftTokenCount > 0 else { return }
        let knownEnd = entry.endPosition - entry.draftTokenCount
        let verified = knownEnd..<knownEnd + verifiedCount
        live[index].computedTokenCount = verified.upperBound
        verifiedDraftCount += verifiedCount
        for group in limits.kvSpans.indices {
            for position in verified {
                kvContents[place(plan, entry, position, group: group)] = content(
                    of: live[index], position, group: group)
            }
        }
    }

    private mutating func begin(
        _ id: SequenceID, of leader: SequenceID, _ outcome: StepOutcome
    ) {
        guard let index = live.firstIndex(where: { $0.id == leader && $0.forks.contains(id) })
        else { return }
        live[index].forks.removeAll { $0 == id }
        guard case .accepted(let tokens) = outcome else { return }
        var fork = live[index]
        fork.id = id
        fork.forks = []
        append(tokens, to: &fork)
        guard fork.remainingTokenCount > 0 else { return }
        fork.isSeated =
            live.count { $0.isSeated } < limits.maxRunningSequenceCount
            && !live.contains { $0.hasTurn && !$0.isSeated }
        if !fork.isSeated {
            fork.phase = .waiting
            fork.computedTokenCount = 0
        }
        let behind = live.lastIndex { $0.hasTurn } ?? index
        live.insert(fork, at: behind + 1)
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
            let youngest = live.lastIndex { $0.isSeated } ?? victim
            try demand(victim == youngest, "preempted \(id.rawValue), which is not the youngest")
            live[victim].phase = .waiting
            live[victim].isSeated = false
            live[victim].computedTokenCount = 0
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
                limits.maxStepTokenCount
                    - plan.entries.prefix(plan.decodeCount).reduce(0) { $0 + $1.tokenCount })
        for entry in cut {
            try demand(
                entry.tokenCount % 8 == 0 || budget < 8,
                "a chunk of \(entry.tokenCount) tokens within a budget of \(budget)")
        }
    }

    private func expectedForks(_ entry: StepPlan.Entry) -> [SequenceID] {
        guard let sequence = live.first(where: { $0.id == entry.sequence }),
            entry.endPosition == sequence.tokenCount
        else { return [] }
        return sequence.forks
    }

    private mutating func checkRows(_ entry: StepPlan.Entry, isDecode: Bool) throws {
        guard let sequence = live.first(where: { $0.id == entry.sequence }) else {
            throw Failure(description: "planned \(entry.sequence.rawValue), which is not live")
        }
        let name = "sequence \(entry.sequence.rawValue)"
        try demand(isDecode == (sequence.phase == .decoding), "\(name) is in the wrong part")
        try checkStart(entry, sequence, name)
        let drafts = entry.draftTokenCount
        draftCount += drafts
        let knownEnd = entry.endPosition - drafts
        try demand(
            entry.tokenCount > drafts && knownEnd <= sequence.tokenCount,
            "\(name) computes up to \(knownEnd) of \(sequence.tokenCount)")
        let isComplete = knownEnd == sequence.tokenCount
        try demand(
            drafts == 0 || isDecode && isComplete && drafts < sequence.remainingTokenCount,
            "\(name) guesses \(drafts) of \(sequence.remainingTokenCount) tokens")
        let accepted = isComplete ? min(1, sequence.remainingTokenCount) + drafts : 0
        try demand(entry.maxAcceptedTokenCount == accepted, "\(name) samples the wrong row")
        try demand(
            entry.remainingTokenCount == sequence.remainingTokenCount,
            "\(name) has \(entry.remainingTokenCount) tokens remaining")
        let positions = entry.startPosition..<knownEnd
        let scored = positions.filter {
            sequence.scoresPrompt && $0 < sequence.promptTokenCount
                && $0 >= sequence.scoredTokenCount
        }
        try demand(
            entry.logitsRowCount == max(scored.count, accepted),
            "\(name) has logits for \(entry.logitsRowCount) rows")
    }

    /// Rows begin where computing ended, or behind full blocks that others have computed and that need no
    /// logits here.
    private mutating func checkStart(
        _ entry: StepPlan.Entry, _ sequence: LiveSequence, _ name: String
    ) throws {
        let skipped = entry.startPosition - sequence.computedTokenCount
        try demand(
            skipped == 0
                || skipped > 0 && limits.reusesPrefixes && sequence.phase != .decoding
                    && entry.startPosition % limits.kvBlockLength == 0,
            "\(name) starts at \(entry.startPosition), not \(sequence.computedTokenCount)")
        try demand(
            skipped == 0 || !sequence.scoresPrompt
                || sequence.scoredTokenCount >= sequence.promptTokenCount
                || entry.startPosition <= sequence.scoredTokenCount,
            "\(name) starts at \(entry.startPosition), scored are \(sequence.scoredTokenCount)")
        reusedPositionCount += skipped
    }

    private mutating func copyBlocks(_ plan: StepPlan) {
        let length = limits.kvBlockLength
        for copy in plan.copies {
            let (source, target) = (Int(copy.source.index), Int(copy.destination.index))
            for offset in 0..<length {
                kvContents[target * length + offset] = kvContents[source * length + offset]
            }
            copyCount += 1
        }
    }

    /// Where a position of an entry is, and what it is to hold.
    private func places(
        _ plan: StepPlan, _ entry: StepPlan.Entry, _ positions: Range<Int>, group: Int
    ) throws -> [(place: Int, content: UInt64)] {
        let length = limits.blockCount(forPositionCount: entry.endPosition)
        try demand(
            entry.blockTables.count == length * limits.kvSpans.count,
            "sequence \(entry.sequence.rawValue) has \(entry.blockTables.count) blocks of "
                + "\(length) per group")
        guard let sequence = live.first(where: { $0.id == entry.sequence }) else { return [] }
        return positions.map { position in
            (
                place(plan, entry, position, group: group),
                content(of: sequence, position, group: group)
            )
        }
    }

    private func place(
        _ plan: StepPlan, _ entry: StepPlan.Entry, _ position: Int, group: Int
    ) -> Int {
        let table = plan.blockTables[entry.blockTables]
        let length = limits.blockCount(forPositionCount: entry.endPosition)
        let block = table[table.startIndex + group * length + position / limits.kvBlockLength]
        return Int(block) * limits.kvBlockLength + position % limits.kvBlockLength
    }

    /// What the keys and values of a position depend on; of a guess, nothing that anyone may read.
    private func content(of sequence: LiveSequence, _ position: Int, group: Int) -> UInt64 {
        guard position < sequence.tokenCount else { return 0 }
        return sequence.contents[position + 1] &+ UInt64(group)
    }

    /// All computed positions that the rows see hold what the sequence would have computed.
    private func readBlocks(_ plan: StepPlan, _ entry: StepPlan.Entry) throws {
        for (group, span) in limits.kvSpans.enumerated() {
            let seen = span.firstPosition(for: entry.startPosition)..<entry.startPosition
            for (place, content) in try places(plan, entry, seen, group: group) {
                try demand(
                    kvContents.indices.contains(place) && kvContents[place] == content,
                    "sequence \(entry.sequence.rawValue) finds another's keys at \(place)")
            }
        }
    }

    private mutating func writeBlocks(
        _ plan: StepPlan, _ entry: StepPlan.Entry, _ written: inout Set<Int>
    ) throws {
        let rows = entry.startPosition..<entry.endPosition
        for group in limits.kvSpans.indices {
            for (place, content) in try places(plan, entry, rows, group: group) {
                try demand(
                    kvContents.indices.contains(place) && written.insert(place).inserted,
                    "sequence \(entry.sequence.rawValue) writes where another does")
                kvContents[place] = content
            }
        }
    }
}
