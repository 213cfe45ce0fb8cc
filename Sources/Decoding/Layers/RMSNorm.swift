// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// Root-mean-square normalisation: x / √(mean(x²) + ε) · weight (Zhang and Sennrich 2019).
struct RMSNorm: Norm {
    /// [width]
    let weight: UnsafePointer<Float>
    let width: Int
    let epsilon: Float

    func apply(
        _ input: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, _ step: Step
    ) {
        step.vectors.rms_norm(input, weight, epsilon, width, output)
    }
}
