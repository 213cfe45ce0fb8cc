// SPDX-License-Identifier: Apache-2.0

internal import Decoding
package import ModelFile

/// Times the multiply kernels apart from any model: from memory, where reading the weights is all that
/// may take time, and in a core's own cache, where multiplying is.
package struct KernelBenchmark {
    /// What to measure.
    package struct Options: Sendable {
        package var types = KernelSpeed.types
        package var threadCounts: [Int]
        package var repetitionCount = 5
        /// Bytes of the weights that come from memory: sixteen times an L3 of 32 MB.
        package var memoryBytes = 512 << 20
        /// Bytes of those that stay in L2: half of 512 KB, more than any L1.
        package var cacheBytes = 256 << 10

        package init(threadCounts: [Int]) { self.threadCounts = threadCounts }
    }

    /// Columns of the measures in cache: decode alone, in some company, a whole tile, several of them.
    private static let columnCounts = [1, 4, 8, 32]

    private let options: Options

    package init(_ options: Options) { self.options = options }

    /// One row a type and thread count from memory, then one a type and column count in cache.
    package func run() -> KernelReport {
        var rows: [KernelReport.Row] = []
        for threadCount in options.threadCounts {
            rows += limited(threadCount) { limits in
                options.types.map {
                    row($0, .memory, options.memoryBytes, columnCount: 1, threadCount, limits)
                }
            }
        }
        rows += limited(1) { limits in
            options.types.flatMap { type in
                Self.columnCounts.map {
                    row(type, .cache, options.cacheBytes, columnCount: $0, 1, limits)
                }
            }
        }
        return KernelReport(instructionSet: "\(InstructionSet.best)", rows: rows)
    }

    /// What `body` measures beside the limits, which are taken before and after.
    private func limited(
        _ threadCount: Int, _ body: (MachineLimits) -> [KernelReport.Row]
    ) -> [KernelReport.Row] {
        let before = MachineLimits(threadCount: threadCount)
        var rows = body(before)
        let higher = before.higher(MachineLimits(threadCount: threadCount))
        for index in rows.indices { rows[index].limits = higher }
        return rows
    }

    private func row(
        _ type: TensorType, _ place: KernelReport.Place, _ weightBytes: Int, columnCount: Int,
        _ threadCount: Int, _ limits: MachineLimits
    ) -> KernelReport.Row {
        KernelReport.Row(
            type: type, place: place, weightBytes: weightBytes, columnCount: columnCount,
            threadCount: threadCount, limits: limits,
            speed: KernelSpeed(
                type: type, columnCount: columnCount, weightBytes: weightBytes,
                threadCount: threadCount, repetitionCount: options.repetitionCount))
    }
}
