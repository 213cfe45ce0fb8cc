// SPDX-License-Identifier: Apache-2.0

/// Which computed positions the next one of a sequence still needs, in one group of layers.
///
/// Each group has blocks of its own; those that hold only positions that nobody needs any more are given
/// back while the sequence runs.
package enum KVSpan: Hashable, Sendable {
    /// All of them.
    case full
    /// The last so many, its own included.
    case sliding(Int)
    /// Those of its own chunk of so many.
    case chunked(Int)

    /// The first position that one at `position` needs; later ones need none before it.
    package func firstPosition(for position: Int) -> Int {
        switch self {
        case .full: 0
        case .sliding(let length): max(0, position - length + 1)
        case .chunked(let length): position / length * length
        }
    }

    /// How many blocks a sequence of so many positions holds at most at a time, when up to
    /// `maxStepTokenCount` of its positions are computed in one step.
    package func maxBlockCount(
        forPositionCount positionCount: Int, maxStepTokenCount: Int, blockLength: Int
    ) -> Int {
        let all = (positionCount + blockLength - 1) / blockLength
        switch self {
        case .full:
            return all
        case .sliding(let length), .chunked(let length):
            // A step needs up to length − 1 positions before its own, which begin anywhere in a block.
            guard length < positionCount else { return all }
            let needed = length - 1 + maxStepTokenCount
            return min(all, (needed + blockLength - 1) / blockLength + 1)
        }
    }
}
