// SPDX-License-Identifier: Apache-2.0

/// The part of a layer in which positions meet.
protocol Attention {
    /// Asks for the scratch that `add` writes.
    func reserve(in shape: inout WorkspaceShape)

    /// output += attention(normed).
    func add(_ step: Step, to output: Rows)
}

extension GroupedQueryAttention: Attention {}
extension LatentAttention: Attention {}
