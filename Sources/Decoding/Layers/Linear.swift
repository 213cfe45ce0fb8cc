// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// y = x · weightᵀ + bias.
struct Linear {
    let weight: Matrix
    /// [rows], padded with zeros to whole strips.
    let bias: UnsafePointer<Float>?

    /// output = x · weightᵀ + bias, from column 0 of `output`.
    func apply(_ input: Activations, into output: Rows, count: Int, _ step: Step) {
        step.countRead(weight.byteCount)
        let plan = StripPlan(weight, threadCount: step.team.threadCount)
        step.team.forEach(plan.itemCount) { item, worker in
            multiply(
                strips: plan.strips(of: item), input: input, into: output, column: 0, count: count,
                step.workers[worker])
        }
    }

    /// output += s · (x · weightᵀ + bias), where s is the first number of each of the `scales`, or 1.
    func add(
        _ input: Activations, scaledBy scales: Rows? = nil, to output: Rows, count: Int,
        _ step: Step
    ) {
        step.countRead(weight.byteCount)
        let plan = StripPlan(weight, threadCount: step.team.threadCount)
        let columns = input.columns(for: weight)
        step.team.forEach(plan.itemCount) { item, worker in
            let scratch = step.workers[worker]
            let strips = weight.strips(plan.strips(of: item), scratch.firstStrips)
            for tile in stride(from: 0, to: count, by: WorkerScratch.columnTile) {
                let tileCount = min(WorkerScratch.columnTile, count - tile)
                for strip in plan.strips(of: item) {
                    strips.multiply(
                        strip: strip, columns: columns + tile, count: tileCount,
                        outputs: scratch.firstOutputs)
                    let rows = min(16, weight.rowCount - strip * 16)
                    for column in 0..<tileCount {
                        let result = scratch.first + column * 16
                        if let bias { step.vectors.add_scaled(1, bias + strip * 16, rows, result) }
                        step.vectors.add_scaled(
                            scales?[tile + column][0] ?? 1, result, rows,
                            output[tile + column] + strip * 16)
                    }
                }
            }
        }
    }

    /// Writes the products of an item's strips into `output`, beginning at `column`.
    func multiply(
        strips range: Range<Int>, input: Activations, into output: Rows, column: Int, count: Int,
        _ scratch: WorkerScratch
    ) {
        let columns = input.columns(for: weight)
        let strips = weight.strips(range, scratch.firstStrips)
        for tile in stride(from: 0, to: count, by: WorkerScratch.columnTile) {
            let tileCount = min(WorkerScratch.columnTile, count - tile)
            for strip in range {
                for index in 0..<tileCount {
                    scratch.outputs[index] = output[tile + index] + column + strip * 16
                }
                strips.multiply(
                    strip: strip, columns: columns + tile, count: tileCount,
                    outputs: scratch.outputs)
                guard let bias else { continue }
                for index in 0..<tileCount {
                    let result = output[tile + index] + column + strip * 16
                    for lane in 0..<16 { result[lane] += bias[strip * 16 + lane] }
                }
            }
        }
    }
}

/// How the strips of a matrix are cut into work items.
struct StripPlan {
    /// Bytes of strips that an item reads as one stream; one strip where that has more.
    static let maxItemBytes = 65536

    let itemCount: Int
    private let stripCount: Int
    private let stripsPerItem: Int

    /// Items of up to 64 KB, smaller where that would leave a thread idle; of each of the two where another
    /// matrix of as many rows is multiplied beside.
    init(_ matrix: Matrix, beside other: Matrix? = nil, threadCount: Int) {
        let stripBytes = max(matrix.stripBytes, other?.stripBytes ?? 0)
        let stream = max(1, Self.maxItemBytes / stripBytes)
        let fair = max(1, matrix.stripCount / (4 * threadCount))
        stripCount = matrix.stripCount
        stripsPerItem = min(stream, fair)
        itemCount = (stripCount + stripsPerItem - 1) / stripsPerItem
    }

    func strips(of item: Int) -> Range<Int> {
        item * stripsPerItem..<min(stripCount, (item + 1) * stripsPerItem)
    }
}

/// Several linear maps of the same input, computed in one phase, their outputs side by side.
struct LinearGroup {
    let parts: [Linear]
    /// First output column of each part, a multiple of 16.
    let columns: [Int]
    /// Output columns of all parts together.
    let width: Int

    init(_ parts: [Linear]) {
        self.parts = parts
        var columns: [Int] = []
        var width = 0
        for part in parts {
            columns.append(width)
            width += part.weight.paddedRowCount
        }
        self.columns = columns
        self.width = width
    }

    /// Writes all parts' products of every row.
    func apply(_ input: Activations, into output: Rows, count: Int, _ step: Step) {
        let threads = step.team.threadCount
        var itemCount = 0
        for part in parts {
            step.countRead(part.weight.byteCount)
            itemCount += StripPlan(part.weight, threadCount: threads).itemCount
        }
        step.team.forEach(itemCount) { item, worker in
            var local = item
            for index in parts.indices {
                let plan = StripPlan(parts[index].weight, threadCount: threads)
                if local < plan.itemCount {
                    parts[index].multiply(
                        strips: plan.strips(of: local), input: input, into: output,
                        column: columns[index], count: count, step.workers[worker])
                    return
                }
                local -= plan.itemCount
            }
        }
    }
}
