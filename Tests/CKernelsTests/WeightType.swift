// SPDX-License-Identifier: Apache-2.0
import CKernels
import Testing

/// A tensor type with kernels, as a test argument.
struct WeightType: CustomTestStringConvertible {
    var number: UInt32
    /// What scales the values of a block, where that is not any bits.
    var scaleFields: [ScaleField]

    static let all: [WeightType] = [
        WeightType(APUS_F32), WeightType(APUS_F16, .half(0)), WeightType(APUS_BF16),
        WeightType(APUS_Q4_0, .half(0)), WeightType(APUS_Q4_1, .half(0), .half(2)),
        WeightType(APUS_Q5_0, .half(0)), WeightType(APUS_Q5_1, .half(0), .half(2)),
        WeightType(APUS_Q8_0, .half(0)), WeightType(APUS_Q2_K, .half(80), .half(82)),
        WeightType(APUS_Q3_K, .half(108)), WeightType(APUS_Q4_K, .half(0), .half(2)),
        WeightType(APUS_Q5_K, .half(0), .half(2)), WeightType(APUS_Q6_K, .half(208)),
        WeightType(APUS_IQ1_S, .half(0)), WeightType(APUS_IQ1_M, .splitHalf(48)),
        WeightType(APUS_IQ2_XXS, .half(0)), WeightType(APUS_IQ2_XS, .half(0)),
        WeightType(APUS_IQ2_S, .half(0)), WeightType(APUS_IQ3_XXS, .half(0)),
        WeightType(APUS_IQ3_S, .half(0)), WeightType(APUS_IQ4_NL, .half(0)),
        WeightType(APUS_IQ4_XS, .half(0)), WeightType(APUS_TQ1_0, .half(52)),
        WeightType(APUS_TQ2_0, .half(64)), WeightType(APUS_MXFP4, .e8m0(0)),
        WeightType(APUS_NVFP4, .ue4m3(0), .ue4m3(1), .ue4m3(2), .ue4m3(3)),
    ]
    static let quantized = all.filter(\.isQuantized)
    static let withCodebook = all.filter {
        ["IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"].contains($0.name)
    }

    private init(_ type: apus_type, _ scaleFields: ScaleField...) {
        number = type.rawValue
        self.scaleFields = scaleFields
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
        return floats
            + [32, 64, 96, 128, 160, 256, 512, 576, 768, 2304, 2880]
            .filter { $0 % blockLength == 0 }
    }

    func rowBytes(width: Int) -> Int { width / blockLength * blockBytes }

    /// Rows of random blocks whose scales are ordinary numbers.
    func randomRows(_ rowCount: Int, width: Int, from random: inout SeededGenerator) -> [UInt8] {
        var bytes = (0..<rowCount * rowBytes(width: width)).map { _ in random.next(UInt8.self) }
        for block in stride(from: 0, to: bytes.count, by: blockBytes) {
            for field in scaleFields {
                field.store(random.nextFloat(in: -0.05...0.05), in: &bytes, at: block)
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
