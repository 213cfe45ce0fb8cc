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
    /// Which of a step's angles are its own; 0 unless layers turn differently.
    let slot: Int
    /// Multiplies what turns: YaRN's temperature.
    private let amplitude: Double
    /// Angle per position of each pair, in radians.
    private let frequencies: [Double]

    /// Pairs that turn; the rest of a head passes unchanged.
    var pairCount: Int { frequencies.count }

    /// frequencyᵢ = base^(−2i / dimension) / divisorsᵢ, one divisor for each pair.
    init(
        pairing: Pairing, base: Float, divisors: [Double], amplitude: Double = 1, slot: Int = 0
    ) {
        self.pairing = pairing
        self.slot = slot
        self.amplitude = amplitude
        frequencies = divisors.indices.map { pair in
            pow(Double(base), -Double(pair) / Double(divisors.count)) / divisors[pair]
        }
    }

    func reserve(in shape: inout WorkspaceShape) {
        while shape.rotaryPairCounts.count <= slot { shape.rotaryPairCounts.append(0) }
        shape.rotaryPairCounts[slot] = max(shape.rotaryPairCounts[slot], pairCount)
    }

    /// Computes the cosines and sines of every row's position, once per step.
    func prepare(_ step: Step) {
        let count = step.rowCount
        let angles = step.rotaryAngles[slot]
        step.team.forEach(step.chunkCount(count)) { chunk, _ in
            for row in step.rows(ofChunk: chunk, count: count) {
                let position = Double(step.positions[row])
                for pair in frequencies.indices {
                    let angle = position * frequencies[pair]
                    angles.cosines[row][pair] = Float(cos(angle) * amplitude)
                    angles.sines[row][pair] = Float(sin(angle) * amplitude)
                }
            }
        }
    }

    /// Turns one head of one row in place.
    func rotate(_ head: UnsafeMutablePointer<Float>, row: Int, _ step: Step) {
        let angles = step.rotaryAngles[slot]
        switch pairing {
        case .interleaved:
            step.vectors.rotate_interleaved(
                head, angles.cosines[row], angles.sines[row], pairCount)
        case .halves:
            step.vectors.rotate_halves(head, angles.cosines[row], angles.sines[row], pairCount)
        }
    }
}

/// cos and sin of each row's rotary angles [T, pairs], times the amplitude.
struct RotaryAngles {
    let cosines: Rows
    let sines: Rows

    init(_ memory: Memory, capacity: Int, pairCount: Int) throws(ModelError) {
        cosines = try Rows(memory, capacity: capacity, width: pairCount)
        sines = try Rows(memory, capacity: capacity, width: pairCount)
    }
}
