// SPDX-License-Identifier: Apache-2.0

/// Decides how many guessed tokens are computed together with each decode: those with which the most tokens a
/// second are expected.
///
/// A guess costs a row, and in a mixture of experts a row reads experts of its own; it gains a token if it and
/// those before it are right (Leviathan et al., Fast inference from transformers via speculative decoding,
/// 2023). So guesses are taken in the order of their chances, while the expected gain outweighs the cost.
package struct Speculation: Sendable {
    /// A decode for which there are guesses.
    package struct Candidate: Sendable {
        package let sequence: SequenceID
        package let draftTokenCount: Int
        /// The chance of each guess, given that those before it are right.
        package let acceptance: Double

        package init(_ sequence: SequenceID, draftTokenCount: Int, acceptance: Double) {
            self.sequence = sequence
            self.draftTokenCount = draftTokenCount
            self.acceptance = acceptance
        }
    }

    private var costs: DecodeCostModel

    /// The expected gain below which guesses are left: both sides of it are estimates.
    private static let leastGain = 1.05

    /// Costs begin as those of `costs`.
    package init(_ costs: DecodeCostModel) {
        self.costs = costs
    }

    /// Learns that a step of `rowCount` rows, all of decodes, took so many seconds.
    package mutating func record(rowCount: Int, seconds: Double) {
        costs.record(rowCount: rowCount, seconds: seconds)
    }

    /// How many of the guesses to compute beside `decodeCount` decodes.
    package func draftTokenCounts(
        _ candidates: [Candidate], decodeCount: Int
    ) -> [SequenceID: Int] {
        // A guess is never likelier than the one before it, so each prefix of this order takes a prefix of
        // each candidate's.
        var chances: [(sequence: SequenceID, chance: Double)] = []
        for candidate in candidates {
            var chance = 1.0
            for _ in 0..<candidate.draftTokenCount {
                chance *= min(1, max(0, candidate.acceptance))
                chances.append((candidate.sequence, chance))
            }
        }
        chances.sort { $0.chance > $1.chance }

        var bestCount = 0
        var bestRate = Self.leastGain * Double(decodeCount) / costs.cost(rowCount: decodeCount)
        var tokenCount = Double(decodeCount)
        for (index, guess) in chances.enumerated() {
            let rowCount = decodeCount + index + 1
            guard rowCount <= DecodeCostModel.maxRowCount else { break }
            tokenCount += guess.chance
            let rate = tokenCount / costs.cost(rowCount: rowCount)
            if rate > bestRate { (bestCount, bestRate) = (index + 1, rate) }
        }
        return chances.prefix(bestCount).reduce(into: [:]) { $0[$1.sequence, default: 0] += 1 }
    }
}
