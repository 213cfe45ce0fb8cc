// SPDX-License-Identifier: Apache-2.0

/// The scalars of some classes and some ranges: a bracket expression of a splitting rule.
struct ScalarSet: Sendable {
    private let classes: ScalarClassSet
    /// Ascending and disjoint.
    private let ranges: [ClosedRange<UInt32>]
    /// Whether each of the first 128 scalars is in one of the ranges.
    private let ascii: (low: UInt64, high: UInt64)

    init(_ classes: ScalarClassSet = [], ranges: [ClosedRange<UInt32>] = []) {
        self.classes = classes
        self.ranges = ranges
        var bits: [UInt64] = [0, 0]
        for scalar in UInt32(0)..<128 where ranges.contains(where: { $0.contains(scalar) }) {
            bits[Int(scalar >> 6)] |= 1 << UInt64(scalar & 63)
        }
        ascii = (bits[0], bits[1])
    }

    @inline(__always)
    func contains(_ scalar: ClassifiedScalar) -> Bool {
        if scalar.isIn(classes) { return true }
        if scalar.value < 128 {
            let bits = scalar.value < 64 ? ascii.low : ascii.high
            return bits >> UInt64(scalar.value & 63) & 1 != 0
        }
        return hasRange(with: scalar.value)
    }

    private func hasRange(with scalar: UInt32) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(scalar)
    }
}
