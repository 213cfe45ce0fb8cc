// SPDX-License-Identifier: Apache-2.0

package import Decoding

/// The figures of one measure.
package struct BenchmarkRow: Sendable {
    package let test: BenchmarkTest
    package let threadCount: Int
    /// The machine's with as many threads.
    package var limits: MachineLimits
    /// Tokens per second of each repetition, summed over sequences.
    package let speeds: [Double]
    package let work: BenchmarkWork

    package var roofline: Roofline { Roofline(work, limits) }

    /// Tokens per second of the middle repetition.
    package var median: Double {
        let sorted = speeds.sorted()
        guard let upper = sorted.dropFirst(sorted.count / 2).first else { return 0 }
        return sorted.count.isMultiple(of: 2)
            ? (sorted[sorted.count / 2 - 1] + upper) / 2 : upper
    }

    /// The slowest repetition.
    package var minimum: Double { speeds.min() ?? 0 }
    /// The fastest.
    package var maximum: Double { speeds.max() ?? 0 }

    /// Bytes of weights per second in the middle repetition.
    package var weightBytesPerSecond: Double {
        median * Double(work.weightBytes) / Double(test.totalTokenCount)
    }

    /// Tokens per second that the roofline allows.
    package var limit: Double { Double(test.totalTokenCount) / roofline.seconds }
    /// How much of it is reached.
    package var shareOfLimit: Double { median / limit }
}
