// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// Which tokens go to which expert, and the experts' intermediates.
///
/// A *slot* is one (token, expert) pair; slots are sorted by expert, so that each expert's tokens are
/// consecutive and only chosen experts' weights are read.
final class Routing {
    /// Router output [T, E].
    let logits: Rows
    /// Scores that experts are still to be chosen by [T, E].
    let candidates: Rows
    /// Experts of each row [T, A], best first.
    let chosen: UnsafeMutablePointer<Int32>
    /// Their weights [T, A].
    let weights: UnsafeMutablePointer<Float>

    /// Row and weight of each slot [T·A].
    let slotRow: UnsafeMutablePointer<Int32>
    let slotWeight: UnsafeMutablePointer<Float>
    /// Input column of each slot for the gate and for the up matrices [T·A].
    let gateColumns: UnsafeMutablePointer<UnsafeRawPointer?>
    let upColumns: UnsafeMutablePointer<UnsafeRawPointer?>
    /// Weighed input of each slot [T·A, H], where experts take that.
    let inputs: Activations?
    /// Gated intermediate of each slot [T·A, F].
    let gated: Activations
    /// Weighted sum of a row's experts [T, H].
    let sums: Rows
    /// Experts that have slots, ascending; their number; first slot of every expert [E + 1].
    let activeExperts: UnsafeMutablePointer<Int32>
    private(set) var activeExpertCount = 0
    private(set) var slotCount = 0
    let firstSlot: UnsafeMutablePointer<Int32>
    private let cursor: UnsafeMutablePointer<Int32>
    /// Tokens that each expert of each block of the model was sent since the start [layers, E].
    private let tokenCounts: UnsafeMutablePointer<Int>
    private let maxExpertCount: Int

    init(
        _ memory: Memory, shape: WorkspaceShape, maxRowCount: Int, isa: apus_isa
    ) throws(ModelError) {
        let slots = max(1, maxRowCount * shape.activeExpertCount)
        logits = try Rows(memory, capacity: maxRowCount, width: max(1, shape.expertCount))
        candidates = try Rows(memory, capacity: maxRowCount, width: max(1, shape.expertCount))
        chosen = try memory.allocate(Int32.self, count: slots)
        weights = try memory.allocate(Float.self, count: slots)
        slotRow = try memory.allocate(Int32.self, count: slots)
        slotWeight = try memory.allocate(Float.self, count: slots)
        gateColumns = try memory.allocate(UnsafeRawPointer?.self, count: slots)
        upColumns = try memory.allocate(UnsafeRawPointer?.self, count: slots)
        inputs =
            shape.weighsExpertInput
            ? try Activations(
                memory, capacity: slots, width: shape.hiddenSize, isa: isa,
                quantizes: shape.quantizes) : nil
        gated = try Activations(
            memory, capacity: shape.expertCount > 0 ? slots : 1, width: max(1, shape.expertWidth),
            isa: isa, quantizes: shape.quantizes)
        sums = try Rows(
            memory, capacity: shape.expertCount > 0 ? maxRowCount : 1, width: shape.hiddenSize)
        activeExperts = try memory.allocate(Int32.self, count: max(1, shape.expertCount))
        firstSlot = try memory.allocate(Int32.self, count: shape.expertCount + 1)
        cursor = try memory.allocate(Int32.self, count: shape.expertCount + 1)
        maxExpertCount = shape.expertCount
        tokenCounts = try memory.allocate(
            Int.self, count: ((shape.expertLayers.max() ?? 0) + 1) * shape.expertCount)
    }

    /// Slots of an expert.
    func slots(of expert: Int) -> Range<Int> { Int(firstSlot[expert])..<Int(firstSlot[expert + 1]) }

    /// Counting sort of the chosen (row, expert) pairs by expert, rows ascending within an expert.
    func sortByExpert(rowCount: Int, activeCount: Int, expertCount: Int) {
        for expert in 0...expertCount { firstSlot[expert] = 0 }
        for pair in 0..<rowCount * activeCount { firstSlot[Int(chosen[pair]) + 1] += 1 }
        activeExpertCount = 0
        for expert in 0..<expertCount {
            if firstSlot[expert + 1] > 0 {
                activeExperts[activeExpertCount] = Int32(expert)
                activeExpertCount += 1
            }
            firstSlot[expert + 1] += firstSlot[expert]
            cursor[expert] = firstSlot[expert]
        }
        for row in 0..<rowCount {
            for rank in 0..<activeCount {
                let expert = Int(chosen[row * activeCount + rank])
                let slot = Int(cursor[expert])
                cursor[expert] += 1
                slotRow[slot] = Int32(row)
                slotWeight[slot] = weights[row * activeCount + rank]
            }
        }
        slotCount = rowCount * activeCount
    }

    /// Adds each expert's slots to what its layer has sent it.
    func countTokens(layer: Int) {
        let counts = tokenCounts + layer * maxExpertCount
        for index in 0..<activeExpertCount {
            let expert = Int(activeExperts[index])
            counts[expert] += slots(of: expert).count
        }
    }

    /// Tokens that the experts of a layer were sent since the start [E].
    func tokenCounts(layer: Int) -> UnsafeBufferPointer<Int> {
        UnsafeBufferPointer(start: tokenCounts + layer * maxExpertCount, count: maxExpertCount)
    }

    /// Points every slot to its row's input.
    func takeInputs(_ normed: Activations, gate: Matrix, up: Matrix) {
        let (gateInput, upInput) = (normed.columns(for: gate), normed.columns(for: up))
        for slot in 0..<slotCount {
            gateColumns[slot] = gateInput[Int(slotRow[slot])]
            upColumns[slot] = upInput[Int(slotRow[slot])]
        }
    }

    /// inputs[slot] = weight · normed.
    func weighInputs(_ step: Step) {
        guard let inputs else { return }
        step.team.forEach(step.chunkCount(slotCount)) { chunk, _ in
            for slot in step.rows(ofChunk: chunk, count: slotCount) {
                let input = step.normed.rows[Int(slotRow[slot])]
                for index in 0..<inputs.width {
                    inputs.rows[slot][index] = input[index] * slotWeight[slot]
                }
                inputs.updateQuantized(row: slot)
            }
        }
    }

    /// Points every slot to its own weighed input.
    func takeWeighedInputs(gate: Matrix, up: Matrix) {
        guard let inputs else { return }
        gateColumns.update(from: inputs.columns(for: gate), count: slotCount)
        upColumns.update(from: inputs.columns(for: up), count: slotCount)
    }
}
