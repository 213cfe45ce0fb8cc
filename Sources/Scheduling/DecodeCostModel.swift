// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// What a decode of several rows costs beside one of one row.
///
/// Only ratios are told. They begin as expected and are corrected by what was measured: each step's time is
/// held against that of the steps just before it, whose sequences were as long and whose machine was as busy.
package struct DecodeCostModel: Sendable {
    /// Steps of more rows are not told apart.
    package static let maxRowCount = 64

    /// By row count, from 1: what is expected, and how many times that was measured.
    private let expected: [Double]
    private var corrections: [Double?]
    /// Seconds that a step of cost 1 took of late.
    private var unitSeconds: Double?

    /// What share of a surprise, as a factor, goes into what steps cost of late and into the correction of
    /// their row count. Both take the same surprise, so that steps of one row count cannot carry them apart.
    private static let unitShare = 0.2
    private static let correctionShare = 0.1
    /// One step is not believed to be this many times dearer or cheaper than expected.
    private static let greatestSurprise = 2.0

    /// `expectedCost(rowCount)` in any unit, positive.
    package init(expectedCost: (_ rowCount: Int) -> Double) {
        expected = (1...Self.maxRowCount).map(expectedCost)
        corrections = Array(repeating: nil, count: Self.maxRowCount)
    }

    /// Learns that a step took so many seconds.
    package mutating func record(rowCount: Int, seconds: Double) {
        guard (1...Self.maxRowCount).contains(rowCount), seconds.isFinite, seconds > 0 else {
            return
        }
        let measured = seconds / cost(rowCount: rowCount)
        guard let unit = unitSeconds else {
            unitSeconds = measured
            return
        }
        let surprise = min(
            Self.greatestSurprise, max(1 / Self.greatestSurprise, measured / unit))
        corrections[rowCount - 1] =
            correction(rowCount: rowCount) * pow(surprise, Self.correctionShare)
        unitSeconds = unit * pow(surprise, Self.unitShare)
    }

    /// The cost of a step, in the unit of what was expected.
    package func cost(rowCount: Int) -> Double {
        let rowCount = min(max(rowCount, 1), Self.maxRowCount)
        return expected[rowCount - 1] * correction(rowCount: rowCount)
    }

    /// As measured, or that of the nearest row count that was.
    private func correction(rowCount: Int) -> Double {
        for distance in 0..<Self.maxRowCount {
            for index in [rowCount - 1 - distance, rowCount - 1 + distance]
            where corrections.indices.contains(index) {
                if let correction = corrections[index] { return correction }
            }
        }
        return 1
    }
}
