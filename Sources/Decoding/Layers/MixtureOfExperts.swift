// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// Σ over a token's chosen experts of weight · down(silu(gate(x)) · up(x)).
struct MixtureOfExperts {
    let router: SoftmaxRouter
    /// One matrix per expert.
    let gate: [Matrix]
    let up: [Matrix]
    let down: [Matrix]

    func reserve(in shape: inout WorkspaceShape) {
        shape.expertCount = max(shape.expertCount, router.expertCount)
        shape.activeExpertCount = max(shape.activeExpertCount, router.activeCount)
        shape.expertWidth = max(shape.expertWidth, gate[0].rowCount)
        shape.quantizes =
            shape.quantizes
            || [router.weight, gate[0], up[0], down[0]].contains(where: \.takesQuantizedColumns)
    }

    /// hidden += experts(normed).
    func apply(_ step: Step) {
        router.apply(step)
        step.routing.sortByExpert(
            rowCount: step.rowCount, activeCount: router.activeCount,
            expertCount: router.expertCount, gateColumns: step.normed.columns(for: gate[0]),
            upColumns: step.normed.columns(for: up[0]))
        step.countExpertsRead(
            step.routing.activeExpertCount,
            bytesEach: gate[0].byteCount + up[0].byteCount + down[0].byteCount)
        computeGated(step)
        step.quantize(step.routing.gated, count: step.rowCount * router.activeCount)
        addDown(step)
    }

    /// One queue of (expert, strips) items over all experts with tokens.
    private func computeGated(_ step: Step) {
        let routing = step.routing
        let plan = StripPlan(gate[0], threadCount: step.team.threadCount)
        step.team.forEach(routing.activeExpertCount * plan.itemCount) { item, worker in
            let expert = Int(routing.activeExperts[item / plan.itemCount])
            let slots = routing.slots(of: expert)
            let scratch = step.workers[worker]
            for tile in stride(
                from: slots.lowerBound, to: slots.upperBound, by: WorkerScratch.columnTile)
            {
                let count = min(WorkerScratch.columnTile, slots.upperBound - tile)
                for strip in plan.strips(of: item % plan.itemCount) {
                    gatedStrip(
                        strip, gate: gate[expert], up: up[expert],
                        gateColumns: routing.gateColumns + tile,
                        upColumns: routing.upColumns + tile, count: count, step, scratch
                    ) { column in routing.gated.rows[tile + column] + strip * 16 }
                }
            }
        }
    }

    /// Each item owns some rows of the output for all tokens, and adds experts in ascending order: no
    /// atomics, and a token's sum does not depend on its batch.
    private func addDown(_ step: Step) {
        let routing = step.routing
        let plan = StripPlan(down[0], threadCount: step.team.threadCount)
        let columns = routing.gated.columns(for: down[0])
        step.team.forEach(plan.itemCount) { item, worker in
            let strips = plan.strips(of: item)
            for row in 0..<step.rowCount {
                (routing.sums[row] + strips.lowerBound * 16).update(
                    repeating: 0, count: strips.count * 16)
            }
            for index in 0..<routing.activeExpertCount {
                let expert = Int(routing.activeExperts[index])
                let slots = routing.slots(of: expert)
                for tile in stride(
                    from: slots.lowerBound, to: slots.upperBound, by: WorkerScratch.columnTile)
                {
                    let end = min(tile + WorkerScratch.columnTile, slots.upperBound)
                    for strip in strips {
                        addDown(
                            strip, of: down[expert], slots: tile..<end, columns: columns + tile,
                            step, step.workers[worker])
                    }
                }
            }
            let first = strips.lowerBound * 16
            let count = min(strips.upperBound * 16, down[0].rowCount) - first
            for row in 0..<step.rowCount {
                step.vectors.add_scaled(
                    1, routing.sums[row] + first, count, step.hidden[row] + first)
            }
        }
    }

    private func addDown(
        _ strip: Int, of matrix: Matrix, slots: Range<Int>,
        columns: UnsafePointer<UnsafeRawPointer?>, _ step: Step, _ scratch: WorkerScratch
    ) {
        matrix.multiply(
            strip: strip, columns: columns, count: slots.count, outputs: scratch.firstOutputs)
        let rows = min(16, matrix.rowCount - strip * 16)
        for slot in slots {
            step.vectors.add_scaled(
                step.routing.slotWeight[slot],
                scratch.first + (slot - slots.lowerBound) * 16, rows,
                step.routing.sums[Int(step.routing.slotRow[slot])] + strip * 16)
        }
    }
}
