// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// down(silu(gate(x)) · up(x)) (SwiGLU, Shazeer 2020).
struct GatedFeedForward {
    let gate: Matrix
    let up: Matrix
    let down: Matrix

    func reserve(in shape: inout WorkspaceShape) {
        shape.feedForwardWidth = max(shape.feedForwardWidth, gate.rowCount)
        shape.quantizes =
            shape.quantizes
            || [gate, up, down].contains(where: \.takesQuantizedColumns)
    }

    /// hidden += feedForward(normed).
    func apply(_ step: Step) {
        computeGated(step)
        Linear(weight: down, bias: nil).add(
            step.gated, to: step.hidden, count: step.rowCount, step)
    }

    /// gated = silu(gate(normed)) · up(normed), both matrices read side by side.
    func computeGated(_ step: Step) {
        step.countRead(gate.byteCount + up.byteCount)
        let count = step.rowCount
        let plan = StripPlan(gate, threadCount: step.team.threadCount)
        step.team.forEach(plan.itemCount) { item, worker in
            let scratch = step.workers[worker]
            for tile in stride(from: 0, to: count, by: WorkerScratch.columnTile) {
                let tileCount = min(WorkerScratch.columnTile, count - tile)
                for strip in plan.strips(of: item) {
                    gatedStrip(
                        strip, gate: gate, up: up,
                        gateColumns: step.normed.columns(for: gate) + tile,
                        upColumns: step.normed.columns(for: up) + tile, count: tileCount, step,
                        scratch
                    ) { column in step.gated.rows[tile + column] + strip * 16 }
                }
            }
        }
        step.quantize(step.gated, count: count)
    }
}

/// silu(gate) · up of one strip of two matrices, for up to one tile of columns.
///
/// `destination(column)` is where a column's results go.
func gatedStrip(
    _ strip: Int, gate: Matrix, up: Matrix, gateColumns: UnsafePointer<UnsafeRawPointer?>,
    upColumns: UnsafePointer<UnsafeRawPointer?>, count: Int, _ step: Step, _ scratch: WorkerScratch,
    destination: (_ column: Int) -> UnsafeMutablePointer<Float>
) {
    gate.multiply(strip: strip, columns: gateColumns, count: count, outputs: scratch.firstOutputs)
    up.multiply(strip: strip, columns: upColumns, count: count, outputs: scratch.secondOutputs)
    let rows = min(16, gate.rowCount - strip * 16)
    for column in 0..<count {
        step.vectors.swiglu(
            scratch.first + column * 16, scratch.second + column * 16, rows, destination(column))
    }
}
