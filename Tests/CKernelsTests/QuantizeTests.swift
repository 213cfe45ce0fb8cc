// SPDX-License-Identifier: Apache-2.0
import CKernels
import Testing

struct QuantizeTests {
    /// Groups of 32 from the largest float to below the smallest normal one, sparse and dense.
    private static func groups(seed: UInt64) -> [Float] {
        var random = SeededGenerator(seed: seed)
        return (-150...126).flatMap { exponent in
            let scale = Float(sign: .plus, exponent: exponent, significand: 1)
            let isSparse = Bool.random(using: &random)
            return random.nextFloats(32).map {
                isSparse && random.next(UInt8.self) > 32 ? 0 : $0 * scale
            }
        }
    }

    @Test(arguments: [1, 2, 3], InstructionSet.available)
    func `every instruction set gives the scalar quantiser's bits`(
        seed: UInt64, set: InstructionSet
    ) {
        let values = Self.groups(seed: seed)

        let activation = Activation(quantizing: values, with: set)

        #expect(
            activation.groupBytes == Activation(quantizing: values, with: .scalar).groupBytes)
    }

    @Test(arguments: [4, 5], InstructionSet.available)
    func `a value is at most half a step away and the largest is 127`(
        seed: UInt64, set: InstructionSet
    ) {
        /// Half a step, and the rounding of the scale and of the product with its inverse.
        let halfStep: Float = 0.5 + 127 * 4 * Float.ulpOfOne
        var random = SeededGenerator(seed: seed)
        let values = random.nextFloats(4096, in: -8...8)

        let groups = Activation(quantizing: values, with: set).groups

        for (index, group) in groups.enumerated() {
            let x = values[index * 32..<index * 32 + 32]
            let largest = x.map(abs).max() ?? 0
            #expect(group.scale == largest / 127)
            #expect(group.values.map { abs(Int($0)) }.max() == 127)
            #expect(
                zip(x, group.values).allSatisfy {
                    abs($0 - group.scale * Float($1)) <= halfStep * group.scale
                })
        }
    }

    @Test(arguments: [6], InstructionSet.available)
    func `sums are those of the integers`(seed: UInt64, set: InstructionSet) {
        var random = SeededGenerator(seed: seed)
        let values = random.nextFloats(4096, in: -1...2)

        for group in Activation(quantizing: values, with: set).groups {
            let sum = group.values.reduce(0) { $0 + Int32($1) }
            #expect(group.negatedSum == -sum)
            #expect(group.negatedLowSum == -group.values[..<16].reduce(0) { $0 + Int32($1) })
            #expect(group.scaledSum == group.scale * Float(sum))
            let pairSums = [0, 2, 16, 18].map { first in
                stride(from: first, to: first + 16, by: 4).reduce(0) {
                    $0 + Int16(group.values[$1]) + Int16(group.values[$1 + 1])
                }
            }
            #expect(group.negatedPairSums == pairSums.map(-))
        }
    }

    @Test(arguments: InstructionSet.available)
    func `ties round to even`(set: InstructionSet) {
        let values: [Float] =
            [127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5] + .init(repeating: 0, count: 25)

        let group = Activation(quantizing: values, with: set).groups[0]

        #expect(group.scale == 1)
        #expect(Array(group.values[..<7]) == [127, 0, 2, 2, 0, -2, -2])
    }

    @Test(
        arguments: InstructionSet.available,
        [0, -0.0, Float.leastNonzeroMagnitude, -Float.leastNormalMagnitude])
    func `zeros and what is next to zero are zero`(set: InstructionSet, value: Float) {
        let group = Activation(quantizing: .init(repeating: value, count: 32), with: set).groups[0]

        #expect(group.values.allSatisfy { $0 == 0 })
        #expect(group.scale == 0 && group.scaledSum == 0)
    }

    @Test(
        arguments: InstructionSet.available,
        [Float.nan, -.nan, .signalingNaN, .infinity, -.infinity])
    func `what is not a number stays so through every product`(set: InstructionSet, value: Float) {
        for position in [0, 15, 16, 31] {
            var values = [Float](repeating: 1, count: 96)
            values[32 + position] = value

            let activation = Activation(quantizing: values, with: set)

            let groups = activation.groups
            #expect(groups[1].scale.isNaN && groups[1].scaledSum.isNaN)
            #expect(groups[1].values.allSatisfy { $0 == 0 })
            #expect(groups[0] == groups[2] && groups[0].values.allSatisfy { $0 == 127 })
        }
        for type in WeightType.quantized {
            let rows = [UInt8](repeating: 0, count: 16 * type.rowBytes(width: 256))
            let strip = Strip(type, rows: rows, rowCount: 16, width: 256)
            let values = [value] + [Float](repeating: 1, count: 255)
            let column = Activation(quantizing: values, with: set)

            let output = strip.multiply([column], with: set)[0]
            #expect(output.allSatisfy { $0.isNaN })
        }
    }

    @Test func `an activation's bytes are whole lines`() {
        #expect(apus_activation_bytes(0) == 0)
        #expect(
            [32, 64, 96, 128, 4096].map { apus_activation_bytes($0) } == [64, 128, 192, 256, 7168])
    }
}
