// SPDX-License-Identifier: Apache-2.0
import CKernels
import Testing

struct MultiplyTests {
    /// Of the sum of |weight · activation|. A partial sum of a type with mins can be some ten times
    /// larger than that, and each of the up to 3 · 2880/32 additions rounds by 2^−24 of it, in random
    /// directions.
    static let accumulationTolerance = 2e-6

    @Test(arguments: WeightType.all, InstructionSet.available)
    func `products are those of the dequantised numbers`(type: WeightType, set: InstructionSet) {
        var random = SeededGenerator(seed: 1)
        for width in type.widths {
            let rows = type.randomRows(16, width: width, from: &random)
            let weights = type.dequantize(rows)
            let strip = Strip(type, rows: rows, rowCount: 16, width: width)
            let column = Activation.of(random.nextFloats(width), for: type, with: set)
            let x = column.values(for: type)

            let output = strip.multiply([column], with: set)[0]

            for row in 0..<16 {
                let terms = (0..<width).map { Double(weights[row * width + $0]) * x[$0] }
                let error = abs(Double(output[row]) - terms.reduce(0, +))
                let magnitude = terms.reduce(0) { $0 + abs($1) }
                #expect(
                    error <= Self.accumulationTolerance * magnitude, "width \(width) row \(row)")
            }
        }
    }

    @Test(arguments: WeightType.all, InstructionSet.available)
    func `every instruction set gives the scalar kernel's bits`(
        type: WeightType, set: InstructionSet
    ) {
        var random = SeededGenerator(seed: 2)
        for width in type.widths {
            let rows = type.randomRows(16, width: width, from: &random)
            let strip = Strip(type, rows: rows, rowCount: 16, width: width)
            let columns = (0..<9).map { _ in
                Activation.of(random.nextFloats(width), for: type, with: .scalar)
            }

            let outputs = strip.multiply(columns, with: set)

            #expect(outputs.bits == strip.multiply(columns, with: .scalar).bits, "width \(width)")
        }
    }

    @Test(arguments: WeightType.all, InstructionSet.available)
    func `a column's bits do not depend on the columns beside it`(
        type: WeightType, set: InstructionSet
    ) {
        var random = SeededGenerator(seed: 3)
        let width = 768
        let rows = type.randomRows(16, width: width, from: &random)
        let strip = Strip(type, rows: rows, rowCount: 16, width: width)
        let columns = (0..<17).map { _ in
            Activation.of(random.nextFloats(width), for: type, with: set)
        }
        let alone = columns.map { strip.multiply([$0], with: set)[0] }

        for count in 1...17 {
            // Any order, some columns twice.
            let gathered = (0..<count).map { _ in Int.random(in: 0..<17, using: &random) }
            let outputs = strip.multiply(gathered.map { columns[$0] }, with: set)

            #expect(outputs.bits == gathered.map { alone[$0] }.bits, "\(count) columns")
        }
    }

    @Test(arguments: WeightType.all, InstructionSet.available)
    func `absent rows are zeros and leave the others as they are`(
        type: WeightType, set: InstructionSet
    ) {
        var random = SeededGenerator(seed: 4)
        let width = 512
        let rows = type.randomRows(16, width: width, from: &random)
        let column = Activation.of(random.nextFloats(width), for: type, with: set)
        let full = Strip(type, rows: rows, rowCount: 16, width: width).multiply(
            [column], with: set)[0]

        for rowCount in 1...16 {
            let strip = Strip(type, rows: rows, rowCount: rowCount, width: width)
            let output = strip.multiply([column], with: set)[0]

            #expect(Array(output[..<rowCount]) == Array(full[..<rowCount]))
            #expect(output[rowCount...].allSatisfy { $0 == 0 })
        }
    }

    @Test(arguments: WeightType.quantized, InstructionSet.available)
    func `the largest integers do not saturate`(type: WeightType, set: InstructionSet) {
        // Q8_0's 0x7f and 0x80 are its extremes; 0xff and 0x00 are those of the other types.
        for byte in [0xff, 0x00, 0x7f, 0x80] as [UInt8] {
            for x in [Float(1), -1] {
                var rows = [UInt8](repeating: byte, count: 16 * type.rowBytes(width: 256))
                for block in stride(from: 0, to: rows.count, by: type.blockBytes) {
                    type.scaleFields.forEach { $0.store(1, in: &rows, at: block) }
                }
                let weights = type.dequantize(rows).prefix(256).map(Double.init)
                let strip = Strip(type, rows: rows, rowCount: 16, width: 256)
                let column = Activation(quantizing: .init(repeating: x, count: 256), with: set)

                let output = strip.multiply([column], with: set)[0]

                let sum = weights.reduce(0, +) * Double(x)
                let magnitude = weights.reduce(0) { $0 + abs($1) }
                let allowed = MultiplyTests.accumulationTolerance * magnitude
                #expect(output.allSatisfy { abs(Double($0) - sum) <= allowed }, "byte \(byte)")
            }
        }
    }

    @Test(arguments: WeightType.all, InstructionSet.available)
    func `any bytes multiply without a trap, the same everywhere`(
        type: WeightType, set: InstructionSet
    ) {
        var random = SeededGenerator(seed: 5)
        let width = 512
        let rows = (0..<16 * type.rowBytes(width: width)).map { _ in random.next(UInt8.self) }
        let strip = Strip(type, rows: rows, rowCount: 16, width: width)
        let columns = (0..<3).map { _ in
            Activation.of(random.nextFloats(width), for: type, with: .scalar)
        }

        let outputs = strip.multiply(columns, with: set)

        #expect(outputs.bits == strip.multiply(columns, with: .scalar).bits)
    }

    @Test(arguments: WeightType.all)
    func `a strip takes the bytes of its rows`(type: WeightType) {
        for width in type.widths {
            let rowsBytes = 16 * type.rowBytes(width: width)
            let stripBytes = apus_strip_bytes(type.number, width)

            // Only the last line may be left empty in part.
            #expect(stripBytes == (rowsBytes + 63) / 64 * 64, "width \(width)")
        }
    }
}
