// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// down(activation(gate(x), up(x))).
struct GatedFeedForward {
    let gate: Matrix
    let up: Matrix
    let down: Matrix
    let activation: GatedActivation

    func reserve(in shape: inout WorkspaceShape) {
        shape.feedForwardWidth = max(shape.feedForwardWidth, gate.rowCount)
        shape.quantizes =
            shape.quantizes
            || [gate, up, down].contains(where: \.takesQuantizedColumns)
    }

    /// output += feedForward(normed).
    func add(_ step: Step, to output: Rows) {
        computeGated(step)
        Linear(weight: down, bias: nil).add(step.gated, to: output, count: step.rowCount, step)
    }

    /// gated = activation(gate(normed), up(normed)), both matrices read side by side.
    func computeGated(_ step: Step) {
        step.countRead(gate.byteCount + up.byteCount)
        let count = step.rowCount
        let plan = StripPlan(gate, beside: up, threadCount: step.team.threadCount)
        let pair = GatedPair(gate: gate, up: up, activation: activation)
        step.team.forEach(plan.itemCount) { item, worker in
            let scratch = step.workers[worker]
            let strips = pair.strips(plan.strips(of: item), scratch)
            for tile in stride(from: 0, to: count, by: WorkerScratch.columnTile) {
                let tileCount = min(WorkerScratch.columnTile, count - tile)
                for strip in plan.strips(of: item) {
                    pair.multiply(
                        strip, of: strips,
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

/// A gate and an up matrix [F, H], whose results are combined before they are stored.
struct GatedPair {
    let gate: Matrix
    let up: Matrix
    let activation: GatedActivation
    /// [F] each, padded with zeros to whole strips.
    var gateBias: UnsafePointer<Float>?
    var upBias: UnsafePointer<Float>?

    /// Strips of both to multiply with, until the worker takes others.
    func strips(
        _ range: Range<Int>, _ scratch: WorkerScratch
    ) -> (gate: MatrixStrips, up: MatrixStrips) {
        (gate.strips(range, scratch.firstStrips), up.strips(range, scratch.secondStrips))
    }

    /// One strip of both, for up to one tile of columns; `destination(column)` is where results go.
    func multiply(
        _ strip: Int, of strips: (gate: MatrixStrips, up: MatrixStrips),
        gateColumns: UnsafePointer<UnsafeRawPointer?>,
        upColumns: UnsafePointer<UnsafeRawPointer?>, count: Int, _ step: Step,
        _ scratch: WorkerScratch,
        destination: (_ column: Int) -> UnsafeMutablePointer<Float>
    ) {
        strips.gate.multiply(
            strip: strip, columns: gateColumns, count: count, outputs: scratch.firstOutputs)
        strips.up.multiply(
            strip: strip, columns: upColumns, count: count, outputs: scratch.secondOutputs)
        let rows = min(16, gate.rowCount - strip * 16)
        for column in 0..<count {
            let (first, second) = (scratch.first + column * 16, scratch.second + column * 16)
            if let gateBias { step.vectors.add_scaled(1, gateBias + strip * 16, rows, first) }
            if let upBias { step.vectors.add_scaled(1, upBias + strip * 16, rows, second) }
            activation.apply(first, second, count: rows, into: destination(column), step)
        }
    }
}
