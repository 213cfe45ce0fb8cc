// SPDX-License-Identifier: Apache-2.0
import CKernels
import Foundation
import Testing

struct DequantizeTests {
    private static let fixtures = URL(filePath: #filePath)
        .deletingLastPathComponent()
        .appending(path: "../Fixtures/CKernels")

    @Test(arguments: WeightType.all)
    func `values are bit for bit those of gguf-py`(type: WeightType) throws {
        let file = try Data(contentsOf: Self.fixtures.appending(path: "\(type.name).bin"))
        let blockBytes = type.rowBytes(width: 1024)
        try #require(file.count == blockBytes + 1024 * 4)
        let blocks = [UInt8](file.prefix(blockBytes))
        let expected = (0..<1024).map { index in
            file.withUnsafeBytes {
                $0.loadUnaligned(fromByteOffset: blockBytes + index * 4, as: UInt32.self)
            }
        }

        let values = type.dequantize(blocks)

        #expect(values.map(\.bitPattern) == expected)
    }

    @Test(arguments: WeightType.withCodebook)
    func `every entry of a codebook is that of gguf-py`(type: WeightType) throws {
        let file = try Data(contentsOf: Self.fixtures.appending(path: "\(type.name).entries.bin"))
        let blockCount = file.count / (type.blockBytes + type.blockLength)
        let blocks = [UInt8](file.prefix(blockCount * type.blockBytes))
        let expected = file.dropFirst(blocks.count).map { Float(Int8(bitPattern: $0)) }
        try #require(expected.count == blockCount * 256)

        let values = type.dequantize(blocks)

        #expect(values == expected)
    }

    @Test(arguments: [4, 5, 9, 15, 24, 28, 31, 33, 36, 38, 41, 1 << 31, UInt32.max])
    func `a type without kernels has no traits`(type: UInt32) {
        #expect(apus_traits(type) == nil)
        #expect(apus_strip_bytes(type, 256) == 0)
        #expect(apus_multiply(type, APUS_ISA_SCALAR) == nil)
        #expect(apus_multiply(type, apus_best_isa()) == nil)
    }

    @Test func `halves widen exactly over all their bit patterns`() throws {
        let half = try #require(WeightType.all.first { $0.name == "F16" })
        let patterns = (0...UInt16.max).filter { !Float16(bitPattern: $0).isNaN }
        let blocks = patterns.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }

        let values = half.dequantize(blocks)

        #expect(values == patterns.map { Float(Float16(bitPattern: $0)) })
    }
}
