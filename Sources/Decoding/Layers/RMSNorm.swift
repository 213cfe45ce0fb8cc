// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// Root-mean-square normalisation: x / √(mean(x²) + ε) · weight (Zhang and Sennrich 2019).
struct RMSNorm {
    /// [width]
    let weight: UnsafePointer<Float>
    let width: Int
    let epsilon: Float

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

    /// Normalises one vector; `output` may be `input`.
    func apply(
        _ input: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, _ step: Step
    ) {
        step.vectors.rms_norm(input, weight, epsilon, width, output)
    }
}
