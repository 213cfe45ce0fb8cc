// SPDX-License-Identifier: Apache-2.0

internal import Decoding

/// The least time that work takes where nothing but memory and multipliers limits it (Williams et al.
/// 2009).
package struct Roofline: Sendable {
    /// Which of the two takes longer.
    package enum Bound: String, Sendable {
        /// Reading weights, keys and values.
        case bandwidth
        /// Multiplying in int8.
        case int8
    }

    package let bound: Bound
    package let seconds: Double

    init(_ work: BenchmarkWork, _ limits: MachineLimits) {
        let reading = Double(work.weightBytes + work.kvBytes) / limits.readBandwidth
        let multiplying = work.operations / limits.int8Operations
        bound = reading >= multiplying ? .bandwidth : .int8
        seconds = max(reading, multiplying)
    }
}
