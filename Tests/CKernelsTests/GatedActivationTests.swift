// SPDX-License-Identifier: Apache-2.0

import CKernels
import Foundation
import Testing

/// Gated activations and layer norm against their formulas in float64.
@Suite struct GatedActivationTests {
    /// A handful of float32 operations, relative to the result or, near 0, to 1.
    private static let tolerance = 2e-6

    /// Lengths with every kind of remainder of 16 lanes.
    private static let counts = [1, 15, 16, 17, 64, 71]

    @Test(arguments: InstructionSet.available, counts)
    func `swiglu is the gate's silu times the other`(set: InstructionSet, count: Int) {
        let (gate, up) = inputs(count)

        let found = output(count) { apus_vectors(set.isa).pointee.swiglu(gate, up, count, $0) }

        #expect(agree(found, zip(gate, up).map { silu(Double($0)) * Double($1) }))
    }

    @Test(arguments: InstructionSet.available, counts)
    func `geglu is gelu by its tanh approximation times the other`(
        set: InstructionSet, count: Int
    ) {
        let (gate, up) = inputs(count)

        let found = output(count) { apus_vectors(set.isa).pointee.geglu(gate, up, count, $0) }

        let wanted = zip(gate, up).map { gate, up in
            let x = Double(gate)
            let inner = (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
            return x / 2 * (1 + tanh(inner)) * Double(up)
        }
        #expect(agree(found, wanted))
    }

    @Test(arguments: InstructionSet.available, counts)
    func `clamped swiglu holds the gate from above and the other from both sides`(
        set: InstructionSet, count: Int
    ) {
        let (gate, up) = inputs(count)

        let found = output(count) {
            apus_vectors(set.isa).pointee.clamped_swiglu(gate, up, 1.702, 7, count, $0)
        }

        let wanted = zip(gate, up).map { gate, up in
            let x = min(Double(gate), 7)
            return x / (1 + exp(-1.702 * x)) * (max(-7, min(Double(up), 7)) + 1)
        }
        #expect(agree(found, wanted))
    }

    @Test(arguments: InstructionSet.available)
    func `gates that are large either way come to the value or to nothing`(set: InstructionSet) {
        let vectors = apus_vectors(set.isa).pointee
        let gate: [Float] = [1000, -1000, 89, -89, 0]
        let up: [Float] = [2, 2, 2, 2, 2]

        let silu = output(5) { vectors.swiglu(gate, up, 5, $0) }
        let gelu = output(5) { vectors.geglu(gate, up, 5, $0) }
        let clamped = output(5) { vectors.clamped_swiglu(gate, up, 1.702, 7, 5, $0) }

        for found in [silu, gelu] {
            #expect(agree(found, [2000, 0, 178, 0, 0]))
        }
        #expect(abs(clamped[0] - 21) < 1e-3 && abs(clamped[1]) < 1e-30 && clamped[4] == 0)
    }

    @Test(arguments: InstructionSet.available, counts)
    func `layer norm takes off the mean and divides by the deviation`(
        set: InstructionSet, count: Int
    ) {
        var generator = SeededGenerator(seed: 5)
        let values = generator.nextFloats(count, in: 3...5)
        let weight = generator.nextFloats(count)
        let bias = generator.nextFloats(count)

        let found = output(count) {
            apus_vectors(set.isa).pointee.layer_norm(values, weight, bias, 1e-3, count, $0)
        }

        let mean = values.map { Double($0) }.reduce(0, +) / Double(count)
        let variance = values.map { pow(Double($0) - mean, 2) }.reduce(0, +) / Double(count)
        let wanted = values.indices.map { index in
            (Double(values[index]) - mean) / (variance + 1e-3).squareRoot() * Double(weight[index])
                + Double(bias[index])
        }
        // The mean of values around 4 is off by an ulp of those.
        #expect(agree(found, wanted, tolerance: 1e-5))
    }

    private func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }

    /// Values on both sides of every limit.
    private func inputs(_ count: Int) -> (gate: [Float], up: [Float]) {
        var generator = SeededGenerator(seed: UInt64(count))
        return (generator.nextFloats(count, in: -9...9), generator.nextFloats(count, in: -9...9))
    }

    /// What `body` writes, which it must write whole and not beyond.
    private func output(
        _ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void
    ) -> [Float] {
        var values = [Float](repeating: .nan, count: count + 1)
        values[count] = -77
        values.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { body(base) } }
        #expect(values[count] == -77)
        return Array(values.dropLast())
    }

    private func agree(
        _ found: [Float], _ wanted: [Double], tolerance: Double = Self.tolerance
    ) -> Bool {
        found.count == wanted.count
            && zip(found, wanted).allSatisfy { abs(Double($0) - $1) <= tolerance * max(1, abs($1)) }
    }
}
