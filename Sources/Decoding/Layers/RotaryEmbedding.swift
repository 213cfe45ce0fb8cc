// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import Foundation

/// Rotary position embedding (RoFormer, Su et al. 2021).
struct RotaryEmbedding {
    /// Which two values of a head turn together.
    enum Pairing {
        /// (x[2i], x[2i + 1]): GGUF's order for `llama`.
        case interleaved
        /// (x[i], x[i + pairs]): the order of GPT-NeoX.
        case halves
    }

    let pairing: Pairing
    /// Multiplies what turns: YaRN's temperature.
    private let amplitude: Double
    /// Angle per position of each pair, in radians.
    private let frequencies: [Double]

    /// Pairs that turn; the rest of a head passes unchanged.
    var pairCount: Int { frequencies.count }

    /// frequencyᵢ = base^(−2i / dimension) / divisorsᵢ, one divisor for each pair.
    init(pairing: Pairing, base: Float, divisors: [Double], amplitude: Double = 1) {
        self.pairing = pairing
        self.amplitude = amplitude
        frequencies = divisors.indices.map { pair in
            pow(Double(base), -Double(pair) / Double(divisors.count)) / divisors[pair]
        }
    }

    /// Computes the cosines and sines of every row's position, once per step.
    func prepare(_ step: Step) {
        let count = step.rowCount
        step.team.forEach(step.chunkCount(count)) { chunk, _ in
            for row in step.rows(ofChunk: chunk, count: count) {
                let position = Double(step.positions[row])
                for pair in frequencies.indices {
                    let angle = position * frequencies[pair]
                    step.cosines[row][pair] = Float(cos(angle) * amplitude)
                    step.sines[row][pair] = Float(sin(angle) * amplitude)
                }
            }
        }
    }

    /// Turns one head of one row in place.
    func rotate(_ head: UnsafeMutablePointer<Float>, row: Int, _ step: Step) {
        switch pairing {
        case .interleaved:
            step.vectors.rotate_interleaved(head, step.cosines[row], step.sines[row], pairCount)
        case .halves:
            step.vectors.rotate_halves(head, step.cosines[row], step.sines[row], pairCount)
        }
    }
}
