// SPDX-License-Identifier: Apache-2.0

import Scheduling
import Testing

/// A machine whose steps take what a formula says, with noise: what the cost model is to find out.
private struct SimulatedMachine {
    var base: Double
    var decodeRow: Double
    var prefillRow: Double
    var attended: Double
    /// Seconds to read all experts; a step reads those that its rows choose.
    var experts: Double
    /// Of the experts, which share one row does not choose.
    var leftByRow: Double
    var slowness = 1.0

    init(using random: inout SplitMix64) {
        base = .random(in: 0.001...0.03, using: &random)
        decodeRow = .random(in: 0.0001...0.002, using: &random)
        prefillRow = .random(in: 0.0003...0.003, using: &random)
        attended = .random(in: 0...0.5e-7, using: &random)
        experts = [0, .random(in: 0.01...0.1, using: &random)].randomElement(using: &random) ?? 0
        leftByRow = .random(in: 0.85...0.97, using: &random)
    }

    func seconds(_ load: StepLoad) -> Double {
        let rowCount = load.decodeRowCount + load.prefillRowCount
        var left = 1.0
        for _ in 0..<rowCount { left *= leftByRow }
        return slowness
            * (base + decodeRow * Double(load.decodeRowCount)
                + prefillRow * Double(load.prefillRowCount)
                + attended * Double(load.attendedPositionCount) + experts * (1 - left))
    }
}

/// A scheduler on a simulated machine: decodes, and long prompts among them.
private struct Simulation {
    static let bound = 0.2
    static let minimum = 16
    static let maximum = 512

    var machine: SimulatedMachine
    var random: SplitMix64
    var model = StepCostModel()
    private var scheduler: Scheduler
    private var plan: StepPlan
    private var nextID: UInt64 = 0
    /// Of the steps with both, in order.
    private(set) var mixed: [(load: StepLoad, seconds: Double, ideal: Int)] = []

    init(seed: UInt64) throws {
        random = SplitMix64(seed: seed)
        machine = SimulatedMachine(using: &random)
        let limits = try SchedulerLimits(
            maxRunningSequenceCount: 16, maxWaitingRequestCount: 100,
            maxWaitingTokenCount: 1_000_000, maxStepTokenCount: Self.maximum + 16,
            maxSequenceLength: 20_000, kvBlockCount: 20_000)
        scheduler = Scheduler(limits: limits)
        plan = StepPlan(limits: limits)
        for _ in 0..<Int.random(in: 1...12, using: &random) { try enqueue(40, new: 19_000) }
    }

    private mutating func enqueue(_ prompt: Int, new: Int) throws {
        nextID += 1
        let tokens = (0..<prompt).map { Int32($0) &+ Int32(nextID) &* 50_000 }
        try scheduler.enqueue(
            SequenceRequest(SequenceID(nextID), prompt: tokens, maxNewTokenCount: new))
    }

    /// The most rows that would have ended within the bound, had one known.
    private func ideal(_ load: StepLoad, from position: Int) -> Int {
        var rowCount = Self.maximum
        while rowCount > Self.minimum {
            var whole = load
            whole.prefillRowCount = rowCount
            whole.attendedPositionCount += rowCount * (position + rowCount / 2)
            if machine.seconds(whole) <= Self.bound { break }
            rowCount -= 8
        }
        return rowCount
    }

    /// Runs steps; an outlier is a step that takes ten times as long as it should.
    mutating func run(stepCount: Int, outlierEvery: Int) throws {
        for _ in 0..<stepCount {
            if random.happens(oneIn: 60) {
                try? enqueue(Int.random(in: 500...8000, using: &random), new: 1)
            }
            let decodes = scheduler.decodeLoad
            let position = scheduler.nextPrefillPosition
            let budget = model.prefillRowCount(
                beside: decodes, from: position, within: Self.bound, minimum: Self.minimum,
                maximum: Self.maximum)
            scheduler.planStep(into: &plan, prefillRowCountWhileDecoding: budget)
            let load = plan.load
            let seconds = machine.seconds(load)
            if plan.decodeCount > 0, load.prefillRowCount > 0,
                plan.entries.last?.maxAcceptedTokenCount == 0
            {
                mixed.append((load, seconds, ideal(decodes, from: position)))
            }
            let noise = Double.random(in: 0.95...1.1, using: &random)
            let isOutlier = random.happens(oneIn: outlierEvery)
            model.record(load, seconds: seconds * noise * (isOutlier ? 10 : 1))
            scheduler.commit(plan, outcomes: plan.outcomes { .accepted(tokenCount: $1) })
        }
    }

    mutating func forget() { mixed = [] }
}

@Suite struct StepCostModelTests {
    @Test(arguments: 0..<UInt64(40))
    func `steps keep to the bound and use it`(seed: UInt64) throws {
        var simulation = try Simulation(seed: seed)
        try simulation.run(stepCount: 100, outlierEvery: .max)
        simulation.forget()

        try simulation.run(stepCount: 2000, outlierEvery: 100)

        try check(simulation)
    }

    @Test(arguments: 0..<UInt64(10))
    func `a machine that slows down is found out`(seed: UInt64) throws {
        var simulation = try Simulation(seed: seed)
        try simulation.run(stepCount: 500, outlierEvery: 100)
        simulation.machine.slowness = 2
        simulation.forget()
        // It is found out by steps that have both.
        while simulation.mixed.count < 40 {
            try simulation.run(stepCount: 10, outlierEvery: 100)
        }
        simulation.forget()

        try simulation.run(stepCount: 1000, outlierEvery: 100)

        try check(simulation)
    }

    private func check(_ simulation: Simulation) throws {
        let steps = simulation.mixed
        try #require(steps.count > 30)
        // Where even the least chunk takes longer, nothing can be kept.
        let possible = steps.filter { $0.ideal > Simulation.minimum }
        let times = possible.map(\.seconds).sorted()
        if let p99 = times.dropLast(times.count / 100).last {
            #expect(p99 <= 1.1 * Simulation.bound)
        }
        let used = steps.reduce(0) { $0 + min($1.load.prefillRowCount, $1.ideal) }
        // The margin for noise is a tile of 8 rows, which may be most of what there is.
        let usable = steps.reduce(0) { $0 + $1.ideal - 8 }
        #expect(Double(used) >= 0.75 * Double(usable))
    }

    @Test func `a machine that becomes faster is found out, though as many decode as before`() {
        var model = StepCostModel()
        func budget() -> Int {
            var decodes = StepLoad()
            decodes.decodeRowCount = 4
            return model.prefillRowCount(
                beside: decodes, from: 0, within: 0.2, minimum: 8, maximum: 512)
        }
        func run(stepCount: Int, rowSeconds: Double) {
            for step in 0..<stepCount {
                var load = StepLoad()
                load.decodeRowCount = 4
                load.prefillRowCount = budget() - step % 3 * 4
                load.attendedPositionCount = 2000 + step % 7 * 300
                model.record(
                    load, seconds: 0.01 + rowSeconds * Double(load.prefillRowCount + 4))
            }
        }
        run(stepCount: 5000, rowSeconds: 0.004)
        let before = budget()

        run(stepCount: 150, rowSeconds: 0.001)

        // 40 and 180 rows fit.
        #expect(before < 60)
        #expect(budget() > 120)
    }

    @Test func `one step out of line changes little`() {
        var model = StepCostModel()
        var load = StepLoad()
        load.decodeRowCount = 8
        for rowCount in 0..<200 {
            load.prefillRowCount = 64 + rowCount % 5 * 8
            model.record(load, seconds: 0.02 + 0.001 * Double(load.prefillRowCount))
        }
        func budget() -> Int {
            var decodes = StepLoad()
            decodes.decodeRowCount = 8
            return model.prefillRowCount(
                beside: decodes, from: 0, within: 0.1, minimum: 8, maximum: 512)
        }
        let before = budget()

        model.record(load, seconds: 30)

        #expect(abs(before - 80) <= 8)
        #expect(budget() >= before / 2)
    }

    @Test func `without a measured step a chunk is small`() {
        let budget = StepCostModel().prefillRowCount(
            beside: StepLoad(), from: 0, within: 1, minimum: 8, maximum: 512)

        #expect(budget == 32)
    }

    @Test func `the least chunk is kept where no chunk fits`() {
        var model = StepCostModel()
        var load = StepLoad()
        load.prefillRowCount = 16
        for _ in 0..<20 { model.record(load, seconds: 3) }

        #expect(
            model.prefillRowCount(
                beside: StepLoad(), from: 0, within: 0.1, minimum: 24, maximum: 512) == 24)
        #expect(
            model.prefillRowCount(
                beside: StepLoad(), from: 0, within: 0.1, minimum: 24, maximum: 20) == 20)
    }
}
