// SPDX-License-Identifier: Apache-2.0

import CKernels
import ModelFile
import Testing

@testable import Decoding

@Suite struct ActivationsTests {
    /// A dense layer of 45 values and a quantised shared expert of 32 write the same rows.
    @Test(arguments: [32, 33, 45, 64, 100])
    func `a quantised matrix that is narrower than the rows reads its own part of them`(
        rowWidth: Int
    ) throws {
        let memory = Memory()
        let isa = apus_best_isa()
        let strips = try memory.allocate(byteCount: apus_strip_bytes(APUS_Q8_0.rawValue, 32))
        let matrix = try #require(
            Matrix(type: .q8_0, rowCount: 16, width: 32, source: .strips(strips), isa: isa))
        func quantized(_ width: Int) throws -> [UInt8] {
            let activations = try Activations(
                memory, capacity: 3, width: width, isa: isa, quantizes: true)
            for row in 0..<3 {
                for index in 0..<width {
                    activations.rows[row][index] = Float((row + 1) * (index % 32 - 11)) / 7
                }
                activations.updateQuantized(row: row)
            }
            let columns = activations.columns(for: matrix)
            return try (0..<3).flatMap { row in
                let column = try #require(columns[row])
                return (0..<apus_activation_bytes(32)).prefix(56).map {
                    column.load(fromByteOffset: $0, as: UInt8.self)
                }
            }
        }

        #expect(try quantized(rowWidth) == quantized(32))
        #expect(try quantized(32).contains { $0 != 0 })
    }
}
