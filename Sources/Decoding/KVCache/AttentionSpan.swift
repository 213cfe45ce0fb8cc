// SPDX-License-Identifier: Apache-2.0

/// Which positions up to its own a query sees.
package enum AttentionSpan: Hashable, Sendable {
    /// All of them.
    case full
    /// The last so many, its own included (Longformer, Beltagy et al. 2020).
    case sliding(Int)
    /// Those of its own chunk of so many (Llama 4).
    case chunked(Int)

    /// The first position that the query at `position` sees; no later query sees an earlier one.
    package func firstPosition(for position: Int) -> Int {
        switch self {
        case .full: 0
        case .sliding(let length): max(0, position - length + 1)
        case .chunked(let length): position / length * length
        }
    }
}
