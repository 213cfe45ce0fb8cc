// SPDX-License-Identifier: Apache-2.0

/// What one row of a benchmark measures.
package struct BenchmarkTest: Sendable, Hashable {
    /// The part of a request's life.
    package enum Kind: String, Sendable {
        /// The prompt of one sequence.
        case prefill
        /// Tokens one after the other, of each of `batchCount` sequences.
        case decode
    }

    package let kind: Kind
    /// Tokens of the prompt, or tokens that each sequence generates.
    package let tokenCount: Int
    /// Sequences.
    package let batchCount: Int
    /// Positions of each sequence that are computed before.
    package let depth: Int

    /// As llama-bench calls it, with the batch where there are several sequences: "pp512",
    /// "tg128 @ b8 @ d1024".
    package var name: String {
        var name = kind == .prefill ? "pp\(tokenCount)" : "tg\(tokenCount)"
        if batchCount > 1 { name += " @ b\(batchCount)" }
        if depth > 0 { name += " @ d\(depth)" }
        return name
    }

    /// Tokens of all sequences.
    var totalTokenCount: Int { tokenCount * batchCount }
    /// Positions that each sequence comes to.
    var positionCount: Int { depth + tokenCount }

    /// The positions of each step's new tokens, in every sequence the same.
    func steps(chunkTokenCount: Int) -> [Range<Int>] {
        stride(from: depth, to: positionCount, by: kind == .prefill ? chunkTokenCount : 1).map {
            $0..<min(positionCount, kind == .prefill ? $0 + chunkTokenCount : $0 + 1)
        }
    }
}
