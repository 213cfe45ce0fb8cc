// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// Layer normalisation: (x − mean(x)) / √(variance(x) + ε) · weight + bias (Ba et al. 2016).
struct LayerNorm: Norm {
    /// [width] each.
    let weight: UnsafePointer<Float>
    let bias: UnsafePointer<Float>
    let width: Int
    let epsilon: Float

    func apply(
        _ input: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, _ step: Step
    ) {
        step.vectors.layer_norm(input, weight, bias, epsilon, width, output)
    }
}
