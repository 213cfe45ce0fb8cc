// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// What is added to the residual stream: hidden += scale · norm(branch).
struct ResidualBranch {
    /// Absent in most families (Gemma has one behind each branch).
    var norm: (any Norm)?
    /// Granite's residual multiplier.
    var scale: Float = 1

    /// Adds what `compute` adds to the rows that it is given.
    func add(_ step: Step, compute: (_ output: Rows) -> Void) {
        if norm == nil && scale == 1 { return compute(step.hidden) }
        let width = step.normed.width
        forEachRow(step) { row in step.branch[row].update(repeating: 0, count: width) }
        compute(step.branch)
        forEachRow(step) { row in
            norm?.apply(step.branch[row], into: step.branch[row], step)
            step.vectors.add_scaled(scale, step.branch[row], width, step.hidden[row])
        }
    }

    private func forEachRow(_ step: Step, _ body: (_ row: Int) -> Void) {
        let count = step.rowCount
        step.team.forEach(step.chunkCount(count)) { chunk, _ in
            for row in step.rows(ofChunk: chunk, count: count) { body(row) }
        }
    }
}
