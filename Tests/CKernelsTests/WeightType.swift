// SPDX-License-Identifier: Apache-2.0
import CKernels
import Testing

/// A tensor type with kernels, as a test argument.
struct WeightType: CustomTestStringConvertible {
    var number: UInt32
    /// Byte offsets of the f16 numbers in a block.
    var halfOffsets: [Int]

    static let all: [WeightType] = [
        WeightType(APUS_F32, []), WeightType(APUS_F16, [0]), WeightType(APUS_BF16, []),
        WeightType(APUS_Q4_0, [0]), WeightType(APUS_Q4_1, [0, 2]), WeightType(APUS_Q5_0, [0]),
        WeightType(APUS_Q5_1, [0, 2]), WeightType(APUS_Q8_0, [0]), WeightType(APUS_Q2_K, [80, 82]),
        WeightType(APUS_Q3_K, [108]), WeightType(APUS_Q4_K, [0, 2]), WeightType(APUS_Q5_K, [0, 2]),
        WeightType(APUS_Q6_K, [208]),
    ]
    static let quantized = all.filter(\.isQuantized)

    private init(_ type: apus_type, _ halfOffsets: [Int]) {
        number = type.rawValue
        self.halfOffsets = halfOffsets
    }

    var traits: apus_type_traits {
        apus_traits(number)?.pointee ?? apus_type_traits()
    }
    var name: String { String(cString: traits.name) }
    var testDescription: String { name }
    var isQuantized: Bool { traits.is_quantized }
    var blockLength: Int { Int(traits.block_length) }
    var blockBytes: Int { Int(traits.block_bytes) }

    /// Every remainder of the loops over tiles, heads, blocks and groups; for floats, odd widths too.
    var widths: [Int] {
        let floats = isQuantized ? [] : [1, 2, 3, 7, 33]
        return floats + [32, 64, 96, 256, 512, 576, 768, 2304].filter { $0 % blockLength == 0 }
    }

    func rowBytes(width: Int) -> Int { width / blockLength * blockBytes }

    /// Rows of random blocks whose scales are ordinary numbers.
    func randomRows(_ rowCount: Int, width: Int, from random: inout SeededGenerator) -> [UInt8] {
        var bytes = (0..<rowCount * rowBytes(width: width)).map { _ in random.next(UInt8.self) }
        for block in stride(from: 0, to: bytes.count, by: blockBytes) {
            for offset in halfOffsets {
                bytes.store(Float16(random.nextFloat(in: -0.05...0.05)), at: block + offset)
            }
            if number == APUS_F32.rawValue {
                bytes.store(random.nextFloat(in: -1...1), at: block)
            } else if number == APUS_BF16.rawValue {
                let bits = random.nextFloat(in: -1...1).bitPattern
                bytes.store(UInt16(truncatingIfNeeded: bits >> 16), at: block)
            }
        }
        return bytes
    }

    func dequantize(_ blocks: [UInt8]) -> [Float] {
        let count = blocks.count / blockBytes * blockLength
        return [Float](unsafeUninitializedCapacity: count) { values, initialized in
            apus_dequantize(number, blocks, values.baseAddress, count)
            initialized = count
        }
    }
}

extension Array<UInt8> {
    mutating func store<T: BitwiseCopyable>(_ value: T, at offset: Int) {
        withUnsafeMutableBytes { $0.storeBytes(of: value, toByteOffset: offset, as: T.self) }
    }
}
