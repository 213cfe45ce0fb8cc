// SPDX-License-Identifier: Apache-2.0

import Scheduling

/// A scheduler with small default limits whose steps run at once and sample wherever they can.
struct SteppedScheduler {
    var scheduler: Scheduler
    var plan: StepPlan

    init(
        seats: Int = 4, waiting: Int = 8, step: Int = 32, whileDecoding: Int? = nil,
        length: Int = 64, blocks: Int = 16, blockLength: Int = 4, spans: [KVSpan] = [.full],
        keepsPrefixes: Bool = true, tellsPromptTokensApart: Bool = false
    ) throws {
        let limits = try SchedulerLimits(
            maxRunningSequenceCount: seats, maxWaitingRequestCount: waiting,
            maxWaitingTokenCount: 2 * length, maxStepTokenCount: step,
            maxPrefillTokenCountWhileDecoding: whileDecoding, maxSequenceLength: length,
            kvBlockCount: blocks, kvBlockLength: blockLength, kvSpans: spans,
            keepsPrefixes: keepsPrefixes, tellsPromptTokensApart: tellsPromptTokensApart)
        scheduler = Scheduler(limits: limits)
        plan = StepPlan(limits: limits)
    }

    /// A request with a prompt like no other's.
    mutating func enqueue(
        _ id: UInt64, prompt: Int, new: Int, scoresPrompt: Bool = false
    ) throws {
        let tokens = (0..<max(0, min(prompt, 10_000))).map { Int32(id) * 10_000 + Int32($0) }
        try enqueue(id, tokens: tokens, new: new, scoresPrompt: scoresPrompt)
    }

    mutating func enqueue(
        _ id: UInt64, tokens: [Int32], new: Int, scoresPrompt: Bool = false,
        forks: [UInt64] = [], namespace: CacheNamespace = CacheNamespace(), weight: Int = 1,
        priority: Int = 0
    ) throws {
        var request = SequenceRequest(SequenceID(id), prompt: tokens, maxNewTokenCount: new)
        request.scoresPrompt = scoresPrompt
        request.forks = forks.map(SequenceID.init)
        request.namespace = namespace
        request.weight = weight
        request.priority = priority
        try scheduler.enqueue(request)
    }

    /// Plans one step and commits it, then shows its rows. Sequence i gets the token i + 500.
    @discardableResult
    mutating func step(finishing finished: Set<UInt64> = []) throws -> [Rows] {
        scheduler.planStep(into: &plan)
        scheduler.commit(
            plan,
            outcomes: plan.outcomes { sequence, count in
                finished.contains(sequence.rawValue)
                    ? .finished
                    : .accepted(
                        Array(repeating: Int32(sequence.rawValue) + 500, count: count))
            })
        try scheduler.checkInvariants()
        return plan.entries.map(Rows.init)
    }

    func phase(of id: UInt64) -> SequencePhase? {
        scheduler.phase(of: SequenceID(id))
    }
}

extension StepPlan {
    /// What `outcome` says of each sequence and how many tokens it may get, in the order of a commit.
    func outcomes(_ outcome: (SequenceID, Int) -> StepOutcome) -> [StepOutcome] {
        entries.flatMap { entry in
            ([entry.sequence] + forks[entry.forks]).map {
                outcome($0, entry.maxAcceptedTokenCount)
            }
        }
    }
}

extension StepOutcome {
    /// So many tokens of no interest.
    static func accepted(tokenCount: Int) -> StepOutcome {
        .accepted(Array(repeating: 7, count: tokenCount))
    }
}

/// The part of a plan's entry that most tests compare.
struct Rows: Equatable {
    let id: UInt64
    let positions: Range<Int>

    init(_ id: UInt64, _ positions: Range<Int>) {
        self.id = id
        self.positions = positions
    }

    init(_ entry: StepPlan.Entry) {
        self.init(entry.sequence.rawValue, entry.startPosition..<entry.endPosition)
    }
}
