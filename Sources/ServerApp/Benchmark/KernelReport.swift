// SPDX-License-Identifier: Apache-2.0

package import Decoding
internal import Foundation
package import ModelFile

/// The figures of the multiply kernels beside the machine's limits in the same run.
package struct KernelReport: Sendable {
    /// Where the weights are.
    package enum Place: String, Sendable {
        case memory
        case cache = "L2"
    }

    /// One measure.
    package struct Row: Sendable {
        package let type: TensorType
        package let place: Place
        package let weightBytes: Int
        package let columnCount: Int
        package let threadCount: Int
        /// The machine's with as many threads.
        package var limits: MachineLimits
        package let speed: KernelSpeed

        /// What limits the kernel there; nil in cache where it multiplies in float32, whose peak is not
        /// measured.
        package var bound: Roofline.Bound? {
            switch place {
            case .memory: .bandwidth
            case .cache: KernelSpeed.takesQuantizedColumns(type) ? .int8 : nil
            }
        }

        /// How much of that limit is reached; not a number where there is none.
        package var shareOfLimit: Double {
            switch bound {
            case .bandwidth: speed.weightBytesPerSecond / limits.readBandwidth
            case .int8: speed.operationsPerSecond / limits.int8Operations
            case nil: .nan
            }
        }
    }

    package let instructionSet: String
    package let rows: [Row]

    /// A Markdown table with the machine's limits under it.
    package var table: String {
        var lines = [
            "| type | weights in | threads | columns | GB/s | TOPS | of limit |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
        ]
        for row in rows {
            let share =
                row.shareOfLimit.isFinite
                ? String(format: "%.0f %%", 100 * row.shareOfLimit) : "–"
            let figures = String(
                format: "%.1f | %.3f", row.speed.weightBytesPerSecond / 1e9,
                row.speed.operationsPerSecond / 1e12)
            lines.append(
                "| \(row.type.name) | \(row.place.rawValue) | \(row.threadCount) "
                    + "| \(row.columnCount) | \(figures) | \(share) |")
        }
        lines.append("")
        var threadCounts: Set<Int> = []
        for row in rows where threadCounts.insert(row.threadCount).inserted {
            lines.append(row.limits.line(threadCount: row.threadCount, instructionSet))
        }
        return lines.joined(separator: "\n")
    }

    /// The rows for programs.
    package var records: [Record] {
        rows.map { row in
            Record([
                "type": .text(row.type.name),
                "weights_in": .text(row.place.rawValue),
                "weight_bytes": .count(row.weightBytes),
                "threads": .count(row.threadCount),
                "columns": .count(row.columnCount),
                "instruction_set": .text(instructionSet),
                "read_bandwidth_bytes_per_second": .number(row.limits.readBandwidth),
                "int8_operations_per_second": .number(row.limits.int8Operations),
                "weight_bytes_per_second": .number(row.speed.weightBytesPerSecond),
                "operations_per_second": .number(row.speed.operationsPerSecond),
                "share_of_limit": .number(row.shareOfLimit),
                "limited_by": .text(row.bound?.rawValue ?? "none"),
            ])
        }
    }
}
