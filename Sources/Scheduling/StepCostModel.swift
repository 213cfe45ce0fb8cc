// SPDX-License-Identifier: Apache-2.0

/// How long steps with prefill take, learned from those that were measured, and how much prefill a step has
/// time for.
///
/// A step's time is taken to be linear in its decode rows, its prefill rows and the positions that they see. It
/// is not quite: a mixture of experts reads more of them with more rows, and nearly all with a few dozen. So
/// steps without prefill are left out, and old steps are forgotten: the line is that of the steps as they are
/// now. Far from what was measured it is not believed.
package struct StepCostModel: Sendable {
    private var function = RecursiveLeastSquares(
        inputCount: 4, uncertainty: 10, forgetting: 0.98)
    /// Measured steps, up to the number that is believed without question.
    private var sampleCount = 0
    /// The mean of the prefill rows beside decodes, over about the last ten steps that had both.
    private var usualRowCount = Double(firstRowCount) / 2

    /// Samples after which one can be told from an outlier.
    private static let firstSampleCount = 8
    /// A chunk, before any was measured.
    private static let firstRowCount = 32
    /// The kernels' tile; budgets are multiples of it.
    private static let rowAlignment = 8
    private static let rowMemory = 0.9
    /// A row takes at least this share of what it would take if all time were the rows'. Chunks that hardly
    /// differ do not tell; half of a step may be what does not depend on rows.
    private static let leastRowShare = 0.25

    /// What any step takes.
    private static let leastSeconds = 1e-6

    /// A model that has seen no step.
    package init() {}

    /// Learns that a step took so many seconds.
    package mutating func record(_ load: StepLoad, seconds: Double) {
        guard seconds.isFinite, seconds >= 0, load.prefillRowCount > 0 else { return }
        let isFirst = sampleCount < Self.firstSampleCount
        if isFirst { sampleCount += 1 }
        if load.decodeRowCount > 0 {
            usualRowCount =
                Self.rowMemory * usualRowCount
                + (1 - Self.rowMemory) * Double(load.prefillRowCount)
        }
        function.learn(Self.input(load), seconds, isFirst: isFirst)
    }

    /// The most rows of a prompt, from `position` on, with which a step that has `load` already is expected to
    /// end within so many seconds, the usual error of the expectation included: at least `minimum`, at most
    /// `maximum`, and at most twice what was usual of late.
    package func prefillRowCount(
        beside load: StepLoad, from position: Int, within seconds: Double, minimum: Int,
        maximum: Int
    ) -> Int {
        // Times are known best at the usual number of rows. Where that leaves time, a tile more is tried: it
        // tells what a row takes.
        let usual = max(minimum, Int(usualRowCount))
        let known = expectation(load, usual, from: position)
        let rowSeconds =
            max(
                expectation(load, 2 * usual, from: position) - known,
                Self.leastRowShare * max(known, Self.leastSeconds)
            ) / Double(usual)
        let spare = seconds - known - function.meanError
        let unaligned = Double(usual) + min(Double(usual), spare / rowSeconds)
        let aligned = Int(max(0, unaligned)) / Self.rowAlignment * Self.rowAlignment
        let tried = spare > function.meanError ? usual + Self.rowAlignment : 0
        return min(maximum, max(minimum, aligned, tried))
    }

    private func expectation(_ load: StepLoad, _ rowCount: Int, from position: Int) -> Double {
        var whole = load
        whole.add(position..<position + rowCount, isDecode: false)
        return function.value(Self.input(whole))
    }

    /// Each about 1 for a step of middling size.
    private static func input(_ load: StepLoad) -> [Double] {
        [
            1, Double(load.decodeRowCount) / 16, Double(load.prefillRowCount) / 128,
            Double(load.attendedPositionCount) / 262_144,
        ]
    }
}
