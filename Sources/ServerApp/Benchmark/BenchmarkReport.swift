// SPDX-License-Identifier: Apache-2.0

package import Decoding
internal import Foundation
internal import ModelFile

/// The figures of a benchmark beside the machine's limits in the same run.
package struct BenchmarkReport: Sendable {
    /// One measure.
    package struct Row: Sendable {
        /// "pp512", "tg128".
        package let test: String
        /// Tokens per second of each repetition.
        package let speeds: [Double]
        /// Tokens per second that the measured machine limits would allow.
        package let limit: Double

        /// The middle repetition.
        package var median: Double {
            let sorted = speeds.sorted()
            guard let upper = sorted.dropFirst(sorted.count / 2).first else { return 0 }
            return sorted.count.isMultiple(of: 2)
                ? (sorted[sorted.count / 2 - 1] + upper) / 2 : upper
        }
    }

    package let summary: ModelSummary
    package let threadCount: Int
    package let limits: MachineLimits
    package let instructionSet: String
    package let rows: [Row]

    /// A Markdown table with the machine's limits under it.
    package var table: String {
        var lines = [
            "| model | size | params | threads | test | t/s median | range | of limit |",
            "| --- | ---: | ---: | ---: | --- | ---: | --- | ---: |",
        ]
        let model = "\(summary.architecture) \(summary.dominantType.name)"
        let size = String(format: "%.2f GiB", Double(summary.packedBytes) / 0x1p30)
        let parameters = String(format: "%.2f B", Double(summary.parameterCount) / 1e9)
        for row in rows {
            let range = String(
                format: "%.1f – %.1f", row.speeds.min() ?? 0, row.speeds.max() ?? 0)
            let figures = String(
                format: "%.1f | %@ | %.0f %%", row.median, range, 100 * row.median / row.limit)
            lines.append(
                "| \(model) | \(size) | \(parameters) | \(threadCount) | \(row.test) | \(figures) |"
            )
        }
        lines.append("")
        lines.append(
            String(
                format: "machine: %.1f GB/s read, %.2f TOPS int8, %@", limits.readBandwidth / 1e9,
                limits.int8Operations / 1e12, instructionSet))
        return lines.joined(separator: "\n")
    }

    /// The same as one JSON object.
    package func json() throws -> String {
        let tests = rows.map { row in
            JSONTest(
                test: row.test, tokens_per_second: row.median, samples: row.speeds,
                limit_tokens_per_second: row.limit)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let object = JSONReport(
            architecture: summary.architecture, type: summary.dominantType.name,
            parameters: summary.parameterCount, packed_bytes: summary.packedBytes,
            threads: threadCount, instruction_set: instructionSet,
            read_bandwidth_bytes_per_second: limits.readBandwidth,
            int8_operations_per_second: limits.int8Operations, tests: tests)
        return String(decoding: try encoder.encode(object), as: UTF8.self)
    }
}

// The property names are the keys of the JSON output.
// swift-format-ignore: AlwaysUseLowerCamelCase
private struct JSONTest: Encodable {
    let test: String
    let tokens_per_second: Double
    let samples: [Double]
    let limit_tokens_per_second: Double
}

// swift-format-ignore: AlwaysUseLowerCamelCase
private struct JSONReport: Encodable {
    let architecture: String
    let type: String
    let parameters: Int
    let packed_bytes: Int
    let threads: Int
    let instruction_set: String
    let read_bandwidth_bytes_per_second: Double
    let int8_operations_per_second: Double
    let tests: [JSONTest]
}
