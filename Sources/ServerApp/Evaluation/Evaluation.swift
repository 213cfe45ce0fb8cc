// SPDX-License-Identifier: Apache-2.0

package import Decoding
internal import Foundation
package import ModelFile

/// Compares a model's next-token distributions with reference log-probabilities.
///
/// A reference is a NumPy archive of `ids` [N], `top_ids` [N, K] and `top_logprobs` [N, K]: the K
/// likeliest next tokens after each position, in windows that start without context.
package struct Evaluation {
    /// Positions that share a context.
    package static let windowLength = 512

    /// How close the model comes.
    package struct Result: Sendable {
        /// exp of the mean negative log-probability of each window's tokens but the first.
        package let perplexity: Double
        /// KL(reference ‖ model) per position in nats, the tail beyond the K likeliest taken as one.
        package let meanDivergence: Double
        package let divergence99: Double
        /// Share of positions where both have the same likeliest token.
        package let topAgreement: Double
        package let positionCount: Int
    }

    /// What one position contributes.
    private struct Position {
        var divergence = 0.0
        var agrees = false
        /// ln P(next token); nil at the end of a window.
        var nextLogProbability: Double?
    }

    private let ids: [Int32]
    private let topIDs: [Int32]
    private let topLogProbabilities: [Float]
    private let topCount: Int

    /// Reads and checks the reference.
    package init(_ archive: NumPyArchive) throws(NumPyError) {
        let (ids, topIDs) = (try archive.array("ids"), try archive.array("top_ids"))
        let logProbabilities = try archive.array("top_logprobs")
        guard ids.shape.count == 1, topIDs.shape.count == 2, topIDs.shape[0] == ids.shape[0],
            topIDs.shape[1] > 0, logProbabilities.shape == topIDs.shape
        else {
            throw .badArray(
                path: archive.path, name: "top_logprobs",
                wanted: "ids [N], top_ids and top_logprobs [N, K]",
                found: "\(ids.shape), \(topIDs.shape) and \(logProbabilities.shape)")
        }
        self.ids = try ids.ints().map { Int32(clamping: $0) }
        self.topIDs = try topIDs.ints().map { Int32(clamping: $0) }
        topLogProbabilities = try logProbabilities.floats()
        topCount = topIDs.shape[1]
    }

    /// Runs all windows through the model, `chunkTokenCount` tokens a step.
    package func run(
        _ file: GGUFFile, threadCount: Int, kvType: KVType = .standard,
        chunkTokenCount: Int = windowLength, loading: LoadingOptions = LoadingOptions()
    ) throws(ModelError) -> Result {
        let maxTokenCount = min(chunkTokenCount, Self.windowLength)
        let team = try ThreadTeam(threadCount: threadCount)
        let model = try Model.planned(
            file, loading, team: team, maxTokenCount: maxTokenCount, kvType: kvType,
            positionCount: Self.windowLength)
        let runner = try ModelRunner(
            model, team: team, maxTokenCount: maxTokenCount,
            kvBlockCount: model.kvGroups.count * Self.windowLength / 16, kvType: kvType)
        guard let largest = (ids + topIDs).max(), let smallest = (ids + topIDs).min(),
            smallest >= 0, largest < model.vocabularySize
        else { throw .unsupported("a reference with token ids outside the model's vocabulary") }
        var positions = Array(repeating: Position(), count: ids.count)
        positions.withUnsafeMutableBufferPointer { positions in
            for start in stride(from: 0, to: ids.count, by: Self.windowLength) {
                run(window: start..<min(ids.count, start + Self.windowLength), runner, positions)
            }
        }
        return summarize(positions)
    }

    private func run(
        window: Range<Int>, _ runner: ModelRunner, _ positions: UnsafeMutableBufferPointer<Position>
    ) {
        // Each row writes its own position, so the threads of the team do not meet.
        runner.runChunks(of: ids[window]) { offset, logits in
            let index = window.lowerBound + offset
            positions[index] = compare(
                LogProbabilities(logits), at: index,
                next: index + 1 < window.upperBound ? ids[index + 1] : nil)
        }
    }

    private func compare(
        _ found: LogProbabilities, at index: Int, next: Int32?
    ) -> Position {
        var position = Position()
        var wantedMass = 0.0
        var foundMass = 0.0
        for rank in index * topCount..<(index + 1) * topCount {
            let wanted = Double(topLogProbabilities[rank])
            let probability = exp(wanted)
            let other = Double(found[topIDs[rank]])
            position.divergence += probability * (wanted - other)
            wantedMass += probability
            foundMass += exp(other)
        }
        let (wantedTail, foundTail) = (1 - wantedMass, 1 - foundMass)
        if wantedTail > 1e-9 {
            position.divergence += wantedTail * log(wantedTail / max(foundTail, 1e-9))
        }
        position.agrees = found.top(1).first?.token == topIDs[index * topCount]
        position.nextLogProbability = next.map { Double(found[$0]) }
        return position
    }

    private func summarize(_ positions: [Position]) -> Result {
        let divergences = positions.map(\.divergence).sorted()
        let next = positions.compactMap(\.nextLogProbability)
        let count = Double(max(1, positions.count))
        return Result(
            perplexity: exp(-next.reduce(0, +) / Double(max(1, next.count))),
            meanDivergence: divergences.reduce(0, +) / count,
            divergence99: divergences.isEmpty
                ? 0 : divergences[min(divergences.count - 1, divergences.count * 99 / 100)],
            topAgreement: Double(positions.count { $0.agrees }) / count,
            positionCount: positions.count)
    }
}
