// SPDX-License-Identifier: Apache-2.0

/// What brings a vector to a common scale.
protocol Norm {
    /// Values of the vector.
    var width: Int { get }

    /// Normalises one vector; `output` may be `input`.
    func apply(
        _ input: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, _ step: Step)
}

extension Norm {
    /// Normalises every row of `input` into `output`, float32 and int8.
    func apply(_ input: Rows, into output: Activations, _ step: Step) {
        let count = step.rowCount
        step.team.forEach(step.chunkCount(count)) { chunk, _ in
            for row in step.rows(ofChunk: chunk, count: count) {
                apply(input[row], into: output.rows[row], step)
                output.updateQuantized(row: row)
            }
        }
    }

    /// Normalises `count` heads of `width` values, each for itself, in place.
    func apply(toHeads count: Int, of values: UnsafeMutablePointer<Float>, _ step: Step) {
        for head in 0..<count {
            apply(values + head * width, into: values + head * width, step)
        }
    }
}
