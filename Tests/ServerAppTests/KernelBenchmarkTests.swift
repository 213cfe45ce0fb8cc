// SPDX-License-Identifier: Apache-2.0

import Decoding
import ModelFile
import Testing

@testable import ServerApp

@Suite(.serialized)
struct KernelBenchmarkTests {
    @Test func `a type has a row for each thread count and for each column count`() {
        var options = KernelBenchmark.Options(threadCounts: [1, 2])
        options.types = [.f32, .q4_K, .iq2_xxs]
        options.repetitionCount = 1
        options.memoryBytes = 4 << 20

        let report = KernelBenchmark(options).run()

        let rows = report.rows.map {
            "\($0.type.name) \($0.place.rawValue) \($0.threadCount) \($0.columnCount)"
        }
        let types = ["F32", "Q4_K", "IQ2_XXS"]
        #expect(
            rows == types.map { "\($0) memory 1 1" } + types.map { "\($0) memory 2 1" }
                + types.flatMap { type in [1, 4, 8, 32].map { "\(type) L2 1 \($0)" } })
        for row in report.rows {
            #expect(row.speed.weightBytesPerSecond > 0 && row.speed.operationsPerSecond > 0)
            #expect(row.shareOfLimit > 0 || (row.type == .f32 && row.place == .cache))
        }
    }

    @Test func `every type of weights that loads is measured`() {
        #expect(KernelSpeed.types.contains(.nvfp4))
        #expect(!KernelSpeed.types.contains(.i8))
        #expect(!KernelSpeed.types.contains(.q8_K))
        let quantized = KernelSpeed.types.filter { KernelSpeed.takesQuantizedColumns($0) }
        #expect(Set(KernelSpeed.types).subtracting(quantized) == [.f32, .f16, .bf16])
    }
}
