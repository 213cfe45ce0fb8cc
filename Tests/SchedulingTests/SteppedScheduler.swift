// SPDX-License-Identifier: Apache-2.0

import Scheduling

/// A scheduler with small default limits whose steps run at once and sample wherever they can.
struct SteppedScheduler {
    var scheduler: Scheduler
    var plan: StepPlan

    init(
        seats: Int = 4, waiting: Int = 8, step: Int = 32, whileDecoding: Int? = nil,
        length: Int = 64, blocks: Int = 16, blockLength: Int = 4, spans: [KVSpan] = [.full]
    ) throws {
        let limits = try SchedulerLimits(
            maxRunningSequenceCount: seats, maxWaitingRequestCount: waiting,
            maxWaitingTokenCount: 2 * length, maxStepTokenCount: step,
            maxPrefillTokenCountWhileDecoding: whileDecoding, maxSequenceLength: length,
            kvBlockCount: blocks, kvBlockLength: blockLength, kvSpans: spans)
        scheduler = Scheduler(limits: limits)
        plan = StepPlan(limits: limits)
    }

    mutating func enqueue(
        _ id: UInt64, prompt: Int, new: Int, scoresPrompt: Bool = false
    ) throws {
        try scheduler.enqueue(
            SequenceID(id), promptTokenCount: prompt, maxNewTokenCount: new,
            scoresPrompt: scoresPrompt)
    }

    /// Plans one step and commits it, then shows its rows.
    @discardableResult
    mutating func step(finishing finished: Set<UInt64> = []) throws -> [Rows] {
        scheduler.planStep(into: &plan)
        scheduler.commit(
            plan,
            outcomes: plan.entries.map {
                finished.contains($0.sequence.rawValue)
                    ? .finished : .accepted(tokenCount: $0.maxAcceptedTokenCount)
            })
        try scheduler.checkInvariants()
        return plan.entries.map(Rows.init)
    }

    func phase(of id: UInt64) -> SequencePhase? {
        scheduler.phase(of: SequenceID(id))
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
