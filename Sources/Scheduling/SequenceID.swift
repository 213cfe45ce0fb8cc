// SPDX-License-Identifier: Apache-2.0

/// Names one sequence from its arrival to its end; whoever enqueues it keeps the ids unique.
package struct SequenceID: Hashable, Sendable {
    /// The number behind the name.
    package let rawValue: UInt64

    /// Wraps a number that no other live sequence carries.
    package init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }
}
