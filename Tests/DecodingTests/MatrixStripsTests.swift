// SPDX-License-Identifier: Apache-2.0

import CKernels
import Foundation
import ModelFile
import Testing

@testable import Decoding

@Suite struct MatrixStripsTests {
    private static let width = 512
    private static let columnCount = 3

    /// Bytes that are small numbers in every type. The page behind the last row cannot be read.
    @Test(arguments: KernelSpeed.types, [1, 16, 39])
    func `rows at any address give the bits of strips, however many are packed at a time`(
        type: TensorType, rowCount: Int
    ) throws {
        var random = SplitMix64(state: UInt64(type.rawValue) << 8 | UInt64(rowCount))
        let memory = Memory()
        let traits = try #require(apus_traits(type.rawValue)?.pointee)
        let rowBytes = Self.width / Int(traits.block_length) * Int(traits.block_bytes)
        let file = try GuardedBytes(count: rowCount * rowBytes)
        for index in file.bytes.indices {
            file.bytes[index] = UInt8.random(in: 0...63, using: &random)
        }
        let rows = try #require(UnsafeRawPointer(file.bytes.baseAddress))
        let stripBytes = apus_strip_bytes(type.rawValue, Self.width)
        let stripCount = Matrix.stripCount(rows: rowCount)
        let strips = try memory.allocate(byteCount: stripCount * stripBytes)
        for strip in 0..<stripCount {
            apus_pack_strip(
                type.rawValue, rows + strip * 16 * rowBytes, rowBytes,
                min(16, rowCount - strip * 16), Self.width, strips + strip * stripBytes)
        }
        let input = try Activations(
            memory, capacity: Self.columnCount, width: Self.width, isa: apus_best_isa(),
            quantizes: true)
        for column in 0..<Self.columnCount {
            for index in 0..<Self.width {
                input.rows[column][index] = Float.random(in: -1...1, using: &random)
            }
            input.updateQuantized(row: column)
        }
        func matrix(_ source: Matrix.Source) throws -> Matrix {
            try #require(
                Matrix(
                    type: type, rowCount: rowCount, width: Self.width, source: source, scale: 0.5,
                    isa: apus_best_isa()))
        }
        let buffer = UnsafeMutableRawBufferPointer(
            start: try memory.allocate(byteCount: stripCount * stripBytes),
            count: stripCount * stripBytes)

        let packed = try matrix(.strips(strips))
        let mapped = try matrix(.rows(rows, rowBytes: rowBytes))
        let wanted = try products(
            packed, input, stripsAtATime: stripCount, .init(start: nil, count: 0))

        #expect(packed.byteCount == stripCount * stripBytes)
        #expect(mapped.byteCount == rowCount * rowBytes)
        #expect(Set(wanted).count > 1)
        for stripsAtATime in 1...stripCount {
            for matrix in [packed, mapped] {
                #expect(
                    try products(matrix, input, stripsAtATime: stripsAtATime, buffer) == wanted)
            }
        }
    }

    @Test(arguments: KernelSpeed.types, [1, 2, 8])
    func `an item's strips fit their buffer, of a matrix alone and of two side by side`(
        type: TensorType, threadCount: Int
    ) throws {
        let nothing = try Memory().allocate(byteCount: 0)
        for width in [256, 1024, 8192, 65536] {
            let matrices = try [type, .f32, .q8_0, .iq1_s].map {
                try #require(
                    Matrix(
                        type: $0, rowCount: 4099, width: width, source: .strips(nothing),
                        isa: apus_best_isa()))
            }
            for other in matrices {
                let plan = StripPlan(matrices[0], beside: other, threadCount: threadCount)
                let largest = max(matrices[0].stripBytes, other.stripBytes)

                let items = (0..<plan.itemCount).map(plan.strips(of:))

                #expect(Array(items.joined()) == Array(0..<257))
                #expect(
                    items.allSatisfy {
                        $0.count * largest <= max(StripPlan.maxItemBytes, largest)
                    })
            }
        }
    }

    /// The bits of input · matrixᵀ.
    private func products(
        _ matrix: Matrix, _ input: Activations, stripsAtATime: Int,
        _ buffer: UnsafeMutableRawBufferPointer
    ) throws -> [UInt32] {
        let memory = Memory()
        let rows = try Rows(memory, capacity: Self.columnCount, width: matrix.rowCount)
        let outputs = try memory.allocate(
            UnsafeMutablePointer<Float>?.self, count: Self.columnCount)
        for first in stride(from: 0, to: matrix.stripCount, by: stripsAtATime) {
            let range = first..<min(matrix.stripCount, first + stripsAtATime)
            let strips = matrix.strips(range, buffer)
            for strip in range {
                for column in 0..<Self.columnCount { outputs[column] = rows[column] + strip * 16 }
                strips.multiply(
                    strip: strip, columns: input.columns(for: matrix), count: Self.columnCount,
                    outputs: outputs)
            }
        }
        return (0..<Self.columnCount).flatMap { column in
            (0..<matrix.rowCount).map { rows[column][$0].bitPattern }
        }
    }
}

/// Bytes that end where a page ends that is followed by one that cannot be read.
private final class GuardedBytes {
    let bytes: UnsafeMutableRawBufferPointer
    private let mapping: UnsafeMutableRawBufferPointer

    init(count: Int) throws {
        let page = sysconf(Int32(_SC_PAGESIZE))
        let usable = (count + page - 1) / page * page
        let start = mmap(
            nil, usable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        try #require(start != MAP_FAILED)
        mapping = .init(start: start, count: usable + page)
        bytes = .init(rebasing: mapping[usable - count..<usable])
        let status = mprotect(start.map { $0 + usable }, page, PROT_NONE)
        try #require(status == 0)
    }

    deinit { munmap(mapping.baseAddress, mapping.count) }
}
