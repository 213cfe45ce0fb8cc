// SPDX-License-Identifier: Apache-2.0

/// A broken promise of the scheduler's own bookkeeping: a defect here, never a client's doing.
package struct InvariantViolation: Error, CustomStringConvertible {
    /// Which promise broke, with the numbers found.
    package let description: String

    /// Throws a violation unless the condition holds.
    static func unless(
        _ condition: Bool, _ description: @autoclosure () -> String
    ) throws(InvariantViolation) {
        if !condition {
            throw InvariantViolation(description: description())
        }
    }
}
