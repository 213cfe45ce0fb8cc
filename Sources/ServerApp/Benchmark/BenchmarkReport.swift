// SPDX-License-Identifier: Apache-2.0

package import Decoding
internal import Foundation
internal import ModelFile

/// The figures of a benchmark beside the machine's limits in the same run.
package struct BenchmarkReport: Sendable {
    /// The model's file, without its folder.
    package let model: String
    package let summary: ModelSummary
    package let weights: WeightStorage
    /// Bytes of the weights, in memory or mapped.
    package let modelBytes: Int
    package let kvType: KVType
    package let instructionSet: String
    /// Rows of one prefill step.
    package let chunkTokenCount: Int
    package let rows: [BenchmarkRow]

    /// A Markdown table with the machine's limits under it.
    package var table: String {
        var lines = [
            "| model | size | params | threads | test | t/s median | range | weights GB/s "
                + "| of limit | limit |",
            "| --- | ---: | ---: | ---: | --- | ---: | --- | ---: | ---: | --- |",
        ]
        let size = String(format: "%.2f GiB", Double(modelBytes) / 0x1p30)
        let parameters = String(format: "%.2f B", Double(summary.parameterCount) / 1e9)
        let model = "\(summary.architecture) \(summary.dominantType.name) | \(size) | \(parameters)"
        for row in rows {
            let figures = String(
                format: "%.1f | %.1f – %.1f | %.1f | %.0f %%", row.median, row.minimum,
                row.maximum, row.weightBytesPerSecond / 1e9, 100 * row.shareOfLimit)
            lines.append(
                "| \(model) | \(row.threadCount) | \(row.test.name) | \(figures) "
                    + "| \(row.roofline.bound.rawValue) |")
        }
        lines.append("")
        var threadCounts: Set<Int> = []
        for row in rows where threadCounts.insert(row.threadCount).inserted {
            lines.append(row.limits.line(threadCount: row.threadCount, instructionSet))
        }
        if weights == .mapped { lines.append("weights: mapped, packed for each step") }
        return lines.joined(separator: "\n")
    }

    /// The rows for programs.
    package var records: [Record] { rows.map(record) }

    private func record(_ row: BenchmarkRow) -> Record {
        let isPrefill = row.test.kind == .prefill
        return Record([
            "model": .text(model),
            "architecture": .text(summary.architecture),
            "type": .text(summary.dominantType.name),
            "model_bytes": .count(modelBytes),
            "weights": .text(weights.rawValue),
            "kv_type": .text(kvType.rawValue),
            "parameters": .count(summary.parameterCount),
            "active_parameters": .count(summary.activeParameterCount),
            "threads": .count(row.threadCount),
            "instruction_set": .text(instructionSet),
            "read_bandwidth_bytes_per_second": .number(row.limits.readBandwidth),
            "int8_operations_per_second": .number(row.limits.int8Operations),
            "test": .text(row.test.name),
            "kind": .text(row.test.kind.rawValue),
            "prompt_tokens": .count(isPrefill ? row.test.tokenCount : 0),
            "generated_tokens": .count(isPrefill ? 0 : row.test.tokenCount),
            "batch": .count(row.test.batchCount),
            "depth": .count(row.test.depth),
            "chunk_tokens": .count(chunkTokenCount),
            "repetitions_tokens_per_second": .numbers(row.speeds),
            "median_tokens_per_second": .number(row.median),
            "min_tokens_per_second": .number(row.minimum),
            "max_tokens_per_second": .number(row.maximum),
            "weight_bytes_read": .count(row.work.weightBytes),
            "kv_bytes_read": .count(row.work.kvBytes),
            "operations": .number(row.work.operations),
            "weight_bytes_per_second": .number(row.weightBytesPerSecond),
            "limit_tokens_per_second": .number(row.limit),
            "share_of_limit": .number(row.shareOfLimit),
            "limited_by": .text(row.roofline.bound.rawValue),
        ])
    }
}

extension MachineLimits {
    /// One line under a table.
    func line(threadCount: Int, _ instructionSet: String) -> String {
        String(
            format: "machine, %d thread%@: %.1f GB/s read, %.2f TOPS int8, %@, prefetch %@",
            threadCount, threadCount == 1 ? "" : "s", readBandwidth / 1e9, int8Operations / 1e12,
            instructionSet, Prefetching.measured.distance == 0 ? "by the processor" : "asked for")
    }
}
