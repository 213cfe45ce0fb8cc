// SPDX-License-Identifier: Apache-2.0

package import Decoding
package import ModelFile

/// Compares a model's logits with reference logits, such as transformers' for the same weights.
///
/// A reference is a NumPy archive of `ids` [N], one sequence, and `logits` [N, V] after each of them.
package struct LogitsComparison {
    /// The array that tells such an archive from one of log-probabilities.
    package static let arrayName = "logits"

    /// How close the model comes; a difference is |found − reference| / max(1, |reference|).
    package struct Result: Sendable {
        package let worstDifference: Double
        package let meanDifference: Double
        /// Share of positions where both have the same likeliest token.
        package let topAgreement: Double
        package let positionCount: Int
    }

    /// What one position contributes.
    private struct Position {
        var worst = 0.0
        var sum = 0.0
        var agrees = false
    }

    private let ids: [Int32]
    private let logits: [Float]
    private let vocabularySize: Int

    /// Reads and checks the reference.
    package init(_ archive: NumPyArchive) throws(NumPyError) {
        let ids = try archive.array("ids")
        let logits = try archive.array(Self.arrayName)
        guard ids.shape.count == 1, logits.shape.count == 2, logits.shape[0] == ids.shape[0],
            logits.shape.allSatisfy({ $0 > 0 })
        else {
            throw .badArray(
                path: archive.path, name: Self.arrayName, wanted: "ids [N] and logits [N, V]",
                found: "\(ids.shape) and \(logits.shape)")
        }
        self.ids = try ids.ints().map { Int32(clamping: $0) }
        self.logits = try logits.floats()
        vocabularySize = logits.shape[1]
    }

    /// Runs the sequence through the model, `chunkTokenCount` tokens a step.
    package func run(
        _ file: GGUFFile, threadCount: Int, kvType: KVType = .standard, chunkTokenCount: Int = 512,
        loading: LoadingOptions = LoadingOptions()
    ) throws(ModelError) -> Result {
        let team = try ThreadTeam(threadCount: threadCount)
        let model = try Model.planned(
            file, loading, team: team, maxTokenCount: min(chunkTokenCount, ids.count),
            kvType: kvType, positionCount: ids.count)
        guard model.vocabularySize == vocabularySize else {
            throw .unsupported(
                "reference logits of \(vocabularySize) tokens for a model of "
                    + "\(model.vocabularySize)")
        }
        guard ids.allSatisfy({ (0..<Int32(clamping: vocabularySize)).contains($0) }) else {
            throw .unsupported("a reference with token ids outside the model's vocabulary")
        }
        guard ids.count <= model.contextLength else {
            throw .unsupported(
                "a reference of \(ids.count) tokens in a context of \(model.contextLength)")
        }
        let runner = try ModelRunner(
            model, team: team, maxTokenCount: min(chunkTokenCount, ids.count),
            kvBlockCount: model.kvGroups.count * ((ids.count + 15) / 16), kvType: kvType)
        var positions = Array(repeating: Position(), count: ids.count)
        positions.withUnsafeMutableBufferPointer { positions in
            // Each row writes its own position, so the threads of the team do not meet.
            runner.runChunks(of: ids[...]) { index, found in
                positions[index] = compare(UnsafeBufferPointer(found), at: index)
            }
        }
        return summarize(positions)
    }

    private func compare(_ found: UnsafeBufferPointer<Float>, at index: Int) -> Position {
        var position = Position()
        var (best, wantedBest) = (0, 0)
        let start = index * vocabularySize
        for token in found.indices {
            let wanted = logits[start + token]
            let difference =
                abs(Double(found[token]) - Double(wanted)) / max(1, abs(Double(wanted)))
            // NaN compares with nothing: it is the worst there is.
            position.worst = difference.isNaN ? .infinity : max(position.worst, difference)
            position.sum += difference
            if found[token] > found[best] { best = token }
            if wanted > logits[start + wantedBest] { wantedBest = token }
        }
        position.agrees = best == wantedBest
        return position
    }

    private func summarize(_ positions: [Position]) -> Result {
        Result(
            worstDifference: positions.map(\.worst).max() ?? 0,
            meanDifference: positions.map(\.sum).reduce(0, +)
                / Double(positions.count * vocabularySize),
            topAgreement: Double(positions.count { $0.agrees }) / Double(positions.count),
            positionCount: positions.count)
    }
}
