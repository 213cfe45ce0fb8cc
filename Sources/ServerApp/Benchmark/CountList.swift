// SPDX-License-Identifier: Apache-2.0

/// Counts as a person lists them: "512,2048".
package struct CountList: Sendable, Equatable {
    package let values: [Int]

    /// More is no sweep that ends.
    private static let maxCount = 64
    /// Enough for any context; leaves sums far from overflow.
    private static let maxDigits = 9

    package init(_ values: [Int]) { self.values = values }

    /// Reads decimal digits between commas; nil when there is anything else.
    package init?(_ text: String) {
        var values: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard part.utf8.count <= Self.maxDigits,
                part.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                let value = Int(part)
            else { return nil }
            values.append(value)
        }
        guard values.count <= Self.maxCount else { return nil }
        self.values = values
    }
}

extension CountList: CustomStringConvertible {
    /// As it is written.
    package var description: String { values.map(String.init).joined(separator: ",") }
}
