// SPDX-License-Identifier: Apache-2.0

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
        for row in 0..<count { logits[row][0] = 1 / (1 + exp(-logits[row][0])) }
        feedForward.computeGated(step)
        Linear(weight: feedForward.down, bias: nil)
            .add(step.gated, scaledBy: logits, to: output, count: count, step)
    }
}
