// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import Foundation

/// An expert that every token visits, scaled by its own gate: σ(w · x) · feedForward(x) (Qwen1.5-MoE).
struct SharedExpert {
    let feedForward: GatedFeedForward
    /// [1, H]
    let gate: Matrix

    func reserve(in shape: inout WorkspaceShape) {
        feedForward.reserve(in: &shape)
        shape.expertCount = max(shape.expertCount, 1)
        shape.quantizes = shape.quantizes || gate.takesQuantizedColumns
    }

    /// output += σ(gate(normed)) · feedForward(normed).
    func add(_ step: Step, to output: Rows) {
        let count = step.rowCount
        let logits = step.routing.logits
        Linear(weight: gate, bias: nil).apply(step.normed, into: logits, count: count, step)
        feedForward.computeGated(step)
        let down = feedForward.down
        step.countRead(down.byteCount)
        let plan = StripPlan(down, threadCount: step.team.threadCount)
        let columns = step.gated.columns(for: down)
        step.team.forEach(plan.itemCount) { item, worker in
            let scratch = step.workers[worker]
            let strips = down.strips(plan.strips(of: item), scratch.firstStrips)
            for tile in stride(from: 0, to: count, by: WorkerScratch.columnTile) {
                let tileCount = min(WorkerScratch.columnTile, count - tile)
                for strip in plan.strips(of: item) {
                    strips.multiply(
                        strip: strip, columns: columns + tile, count: tileCount,
                        outputs: scratch.firstOutputs)
                    for column in 0..<tileCount {
                        let weight = 1 / (1 + exp(-logits[tile + column][0]))
                        step.vectors.add_scaled(
                            weight, scratch.first + column * 16,
                            min(16, down.rowCount - strip * 16),
                            output[tile + column] + strip * 16)
                    }
                }
            }
        }
    }
}
