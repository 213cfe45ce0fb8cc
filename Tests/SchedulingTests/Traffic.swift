// SPDX-License-Identifier: Apache-2.0

@testable import Scheduling

/// One random schedule: odd limits, arrivals, aborts in each phase, early ends, until all is done.
struct Traffic {
    /// How often each thing happened that the tests want to have seen.
    struct Tally {
        var stepCount = 0
        var refusalCount = 0
        var preemptionCount = 0
        var cutPrefillCount = 0
        var sharedPrefillStepCount = 0
        var abortCounts: [SequencePhase: Int] = [:]
        var abortInStepCount = 0
        var forkCount = 0
        var copyCount = 0
        var reusedPositionCount = 0
        var draftCount = 0
        var verifiedDraftCount = 0
    }

    private var random: SplitMix64
    private let limits: SchedulerLimits
    private var scheduler: Scheduler
    private var plan: StepPlan
    private var audit: ScheduleAudit
    private var arrivalsLeft: Int
    /// Half of the schedules compute guesses.
    private let guesses: Bool
    private var nextID: UInt64 = 0
    private(set) var tally = Tally()

    init(seed: UInt64) throws {
        random = SplitMix64(seed: seed)
        limits = try Self.makeLimits(using: &random)
        scheduler = Scheduler(limits: limits)
        plan = StepPlan(limits: limits)
        audit = ScheduleAudit(limits: limits)
        arrivalsLeft = Int.random(in: 1...24, using: &random)
        guesses = random.happens(oneIn: 2)
    }

    mutating func run() throws {
        var maxStepCount = 0
        while arrivalsLeft > 0 || !audit.live.isEmpty {
            try arrive(raising: &maxStepCount)
            if random.happens(oneIn: 12), let id = audit.liveIDs.randomElement(using: &random) {
                abort(id)
            }
            let hadWork = !audit.live.isEmpty
            try step()
            tally.stepCount += 1
            maxStepCount += hadWork ? 0 : 1
            // The oldest sequence gets on in every step, so this bound holds for any schedule.
            guard tally.stepCount <= maxStepCount else {
                throw ScheduleAudit.Failure(description: "not done in \(maxStepCount) steps")
            }
        }
        try finish()
    }

    private mutating func finish() throws {
        let counts = scheduler.counts
        tally.preemptionCount = counts.preemptionCount
        tally.copyCount = audit.copyCount
        tally.reusedPositionCount = audit.reusedPositionCount
        tally.draftCount = audit.draftCount
        tally.verifiedDraftCount = audit.verifiedDraftCount
        guard
            counts.runningSequenceCount == 0, counts.waitingRequestCount == 0,
            counts.waitingTokenCount == 0, counts.usedBlockCount == 0,
            counts.freeBlockCount == limits.kvBlockCount
        else {
            throw ScheduleAudit.Failure(description: "left behind \(counts)")
        }
    }

    private mutating func arrive(raising maxStepCount: inout Int) throws {
        while arrivalsLeft > 0, random.happens(oneIn: 3) {
            arrivalsLeft -= 1
            nextID += 1
            let longest = limits.maxSequenceLength + (random.happens(oneIn: 10) ? 9 : 0)
            // Mostly short prompts: those run together long enough to outgrow the pool.
            let shortening = Int.random(in: 1...12, using: &random)
            let promptTokenCount = Int.random(in: 0...longest / shortening, using: &random)
            let room = max(0, limits.maxSequenceLength - promptTokenCount)
            var request = SequenceRequest(
                SequenceID(nextID), prompt: makePrompt(promptTokenCount),
                maxNewTokenCount: Int.random(in: 0...room + room / 8, using: &random))
            request.scoresPrompt = random.happens(oneIn: 4)
            request.namespace = CacheNamespace(
                owner: ["a", "b", nil].randomElement(using: &random) ?? nil,
                salt: random.happens(oneIn: 6) ? "s" : nil)
            request.weight = Int.random(in: 1...3, using: &random)
            request.priority = random.happens(oneIn: 3) ? Int.random(in: -2...2, using: &random) : 0
            if random.happens(oneIn: 4) {
                request.forks = (0..<Int.random(in: 1...4, using: &random)).map {
                    SequenceID(nextID * 1000 + UInt64($0))
                }
            }
            do {
                try scheduler.enqueue(request)
            } catch {
                tally.refusalCount += 1
                continue
            }
            tally.forkCount += request.forks.count
            audit.arrive(request)
            maxStepCount +=
                (promptTokenCount + request.maxNewTokenCount) * (1 + request.forks.count)
        }
    }

    /// Prompts begin alike and differ somewhere.
    private mutating func makePrompt(_ count: Int) -> [Int32] {
        let common = Int.random(in: 0...count, using: &random)
        return (0..<count).map { position in
            position < common ? Int32(position % 3) : Int32.random(in: 0...3, using: &random)
        }
    }

    private mutating func abort(_ id: SequenceID) {
        if let phase = scheduler.abort(id) {
            tally.abortCounts[phase, default: 0] += 1
        }
        audit.depart(id)
    }

    private mutating func step() throws {
        scheduler.planStep(into: &plan, draftTokenCounts: makeDraftTokenCounts())
        try scheduler.checkInvariants()
        try audit.check(plan, running: scheduler.running.map(\.id))
        tallyPrefills()
        if random.happens(oneIn: 25), let id = plan.entries.randomElement(using: &random)?.sequence
        {
            abort(id)
            tally.abortInStepCount += 1
        }
        let outcomes = plan.outcomes { _, count in
            random.happens(oneIn: 40)
                ? StepOutcome.finished
                : .accepted(makeTokens(upTo: count))
        }
        scheduler.commit(plan, outcomes: outcomes)
        audit.commit(plan, outcomes: outcomes)
        try scheduler.checkInvariants()
    }

    /// As many guesses as anyone may ask for, for some.
    private mutating func makeDraftTokenCounts() -> [SequenceID: Int] {
        guard guesses else { return [:] }
        return scheduler.decoding.reduce(into: [:]) { counts, id in
            if random.happens(oneIn: 2) { counts[id] = Int.random(in: 0...9, using: &random) }
        }
    }

    /// At least one token where there may be any.
    private mutating func makeTokens(upTo count: Int) -> [Int32] {
        let count = count > 1 ? Int.random(in: 1...count, using: &random) : count
        return (0..<count).map { _ in Int32.random(in: 0...2, using: &random) }
    }

    private mutating func tallyPrefills() {
        let prefills = plan.entries.dropFirst(plan.decodeCount)
        tally.cutPrefillCount += prefills.filter { $0.maxAcceptedTokenCount == 0 }.count
        tally.sharedPrefillStepCount += prefills.count > 1 ? 1 : 0
    }

    private static func makeLimits(using random: inout SplitMix64) throws -> SchedulerLimits {
        let seatCount = Int.random(in: 1...6, using: &random)
        let kvBlockLength = [1, 2, 3, 4, 8, 16].randomElement(using: &random) ?? 16
        let maxSequenceLength = Int.random(in: 2...72, using: &random)
        let blockCount = (maxSequenceLength + kvBlockLength - 1) / kvBlockLength
        let maxStepTokenCount = seatCount + Int.random(in: 0...40, using: &random)
        let kvSpans = makeSpans(using: &random)
        return try SchedulerLimits(
            maxRunningSequenceCount: seatCount,
            maxWaitingRequestCount: Int.random(in: 1...8, using: &random),
            maxWaitingTokenCount: maxSequenceLength + Int.random(in: 0...150, using: &random),
            maxStepTokenCount: maxStepTokenCount,
            maxPrefillTokenCountWhileDecoding: Int.random(
                in: 1...maxStepTokenCount, using: &random),
            maxSequenceLength: maxSequenceLength,
            kvBlockCount: kvSpans.count
                * Int.random(in: max(1, blockCount / 2)...blockCount * 2, using: &random),
            kvBlockLength: kvBlockLength, kvSpans: kvSpans,
            keepsPrefixes: !random.happens(oneIn: 8),
            tellsPromptTokensApart: random.happens(oneIn: 3))
    }

    /// Half of the schedules have layers of one kind that see everything.
    private static func makeSpans(using random: inout SplitMix64) -> [KVSpan] {
        guard random.happens(oneIn: 2) else { return [.full] }
        return (0..<Int.random(in: 1...3, using: &random)).map { _ in
            let length = Int.random(in: 1...40, using: &random)
            return [.full, .sliding(length), .chunked(length)].randomElement(using: &random)
                ?? .full
        }
    }
}
