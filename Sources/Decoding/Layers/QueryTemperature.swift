// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// Sharpens attention far into a context: queries times 1 + scale · ln(1 + ⌊(position + 1) / length⌋)
/// (Llama 4; Nakanishi 2025).
struct QueryTemperature {
    let length: Int
    let scale: Double

    /// What a query at `position` is multiplied by.
    func factor(at position: Int) -> Float {
        Float(1 + scale * log(1 + Double((position + 1) / length)))
    }
}
