// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// How a gate and an up value become one.
enum GatedActivation {
    /// silu(gate) · up (SwiGLU, Shazeer 2020).
    case silu
    /// gelu(gate) · up, by gelu's tanh approximation (GeGLU, the same).
    case gelu
    /// gate · σ(alpha · gate) · (up + 1) with both held to the limit, the gate from above only (gpt-oss).
    case clampedSilu(alpha: Float, limit: Float)

    /// output = activation(gate, up); `output` may be `gate`.
    func apply(
        _ gate: UnsafePointer<Float>, _ up: UnsafePointer<Float>, count: Int,
        into output: UnsafeMutablePointer<Float>, _ step: Step
    ) {
        switch self {
        case .silu: step.vectors.swiglu(gate, up, count, output)
        case .gelu: step.vectors.geglu(gate, up, count, output)
        case .clampedSilu(let alpha, let limit):
            step.vectors.clamped_swiglu(gate, up, alpha, limit, count, output)
        }
    }
}
