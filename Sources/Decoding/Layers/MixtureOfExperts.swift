// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// Σ over a token's chosen experts of weight · down(activation(gate(x), up(x))).
struct MixtureOfExperts {
    /// One expert's matrices, with biases padded with zeros to whole strips.
    struct Expert {
        /// [F, H] each.
        let pair: GatedPair
        /// [H, F]
        let down: Matrix
        var downBias: UnsafePointer<Float>?
    }

    /// Which block of the model it is in, from 0.
    let layer: Int
    let router: Router
    let experts: [Expert]
    /// Whether the weight multiplies what goes into an expert instead of what comes out (Llama 4).
    let weighsInput: Bool

    func reserve(in shape: inout WorkspaceShape) {
        let (pair, down) = (experts[0].pair, experts[0].down)
        shape.expertLayers.append(layer)
        shape.expertCount = max(shape.expertCount, router.expertCount)
        shape.activeExpertCount = max(shape.activeExpertCount, router.activeCount)
        shape.expertWidth = max(shape.expertWidth, pair.gate.rowCount)
        shape.weighsExpertInput = shape.weighsExpertInput || weighsInput
        shape.quantizes =
            shape.quantizes
            || [router.gate.weight, pair.gate, pair.up, down]
                .contains(where: \.takesQuantizedColumns)
    }

    /// output += experts(normed).
    func add(_ step: Step, to output: Rows) {
        router.apply(step)
        step.routing.sortByExpert(
            rowCount: step.rowCount, activeCount: router.activeCount,
            expertCount: router.expertCount)
        step.routing.countTokens(layer: layer)
        let pair = experts[0].pair
        if weighsInput {
            step.routing.weighInputs(step)
            step.routing.takeWeighedInputs(gate: pair.gate, up: pair.up)
        } else {
            step.routing.takeInputs(step.normed, gate: pair.gate, up: pair.up)
        }
        step.countExpertsRead(
            step.routing.activeExpertCount,
            bytesEach: pair.gate.byteCount + pair.up.byteCount + experts[0].down.byteCount)
        computeGated(step)
        step.quantize(step.routing.gated, count: step.rowCount * router.activeCount)
        addDown(step, to: output)
    }

    /// One queue of (expert, strips) items over all experts with tokens.
    private func computeGated(_ step: Step) {
        let routing = step.routing
        let plan = StripPlan(
            experts[0].pair.gate, beside: experts[0].pair.up,
            threadCount: step.team.threadCount)
        step.team.forEach(routing.activeExpertCount * plan.itemCount) { item, worker in
            let expert = Int(routing.activeExperts[item / plan.itemCount])
            let slots = routing.slots(of: expert)
            let scratch = step.workers[worker]
            let range = plan.strips(of: item % plan.itemCount)
            let strips = experts[expert].pair.strips(range, scratch)
            for tile in stride(
                from: slots.lowerBound, to: slots.upperBound, by: WorkerScratch.columnTile)
            {
                let count = min(WorkerScratch.columnTile, slots.upperBound - tile)
                for strip in range {
                    experts[expert].pair.multiply(
                        strip, of: strips, gateColumns: routing.gateColumns + tile,
                        upColumns: routing.upColumns + tile, count: count, step, scratch
                    ) { column in routing.gated.rows[tile + column] + strip * 16 }
                }
            }
        }
    }

    /// Each item owns some rows of the output for all tokens, and adds experts in ascending order: no
    /// atomics, and a token's sum does not depend on its batch.
    private func addDown(_ step: Step, to output: Rows) {
        let routing = step.routing
        let down = experts[0].down
        let plan = StripPlan(down, threadCount: step.team.threadCount)
        let columns = routing.gated.columns(for: down)
        step.team.forEach(plan.itemCount) { item, worker in
            let range = plan.strips(of: item)
            let scratch = step.workers[worker]
            for row in 0..<step.rowCount {
                (routing.sums[row] + range.lowerBound * 16).update(
                    repeating: 0, count: range.count * 16)
            }
            for index in 0..<routing.activeExpertCount {
                let expert = Int(routing.activeExperts[index])
                let slots = routing.slots(of: expert)
                let strips = experts[expert].down.strips(range, scratch.firstStrips)
                for tile in stride(
                    from: slots.lowerBound, to: slots.upperBound, by: WorkerScratch.columnTile)
                {
                    let end = min(tile + WorkerScratch.columnTile, slots.upperBound)
                    for strip in range {
                        addDown(
                            strip, of: strips, experts[expert], slots: tile..<end,
                            columns: columns + tile, step, scratch)
                    }
                }
            }
            let first = range.lowerBound * 16
            let count = min(range.upperBound * 16, down.rowCount) - first
            for row in 0..<step.rowCount {
                step.vectors.add_scaled(1, routing.sums[row] + first, count, output[row] + first)
            }
        }
    }

    private func addDown(
        _ strip: Int, of strips: MatrixStrips, _ expert: Expert, slots: Range<Int>,
        columns: UnsafePointer<UnsafeRawPointer?>, _ step: Step, _ scratch: WorkerScratch
    ) {
        strips.multiply(
            strip: strip, columns: columns, count: slots.count, outputs: scratch.firstOutputs)
        let rows = min(16, expert.down.rowCount - strip * 16)
        for slot in slots {
            let result = scratch.first + (slot - slots.lowerBound) * 16
            if let bias = expert.downBias {
                step.vectors.add_scaled(1, bias + strip * 16, rows, result)
            }
            step.vectors.add_scaled(
                weighsInput ? 1 : step.routing.slotWeight[slot], result, rows,
                step.routing.sums[Int(step.routing.slotRow[slot])] + strip * 16)
        }
    }
}
