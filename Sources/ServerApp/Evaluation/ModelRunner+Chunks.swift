// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import ModelFile

extension Model {
    /// Loads a model for one sequence of up to `positionCount` positions, its weights where they fit.
    static func planned(
        _ file: GGUFFile, _ loading: LoadingOptions, team: ThreadTeam, maxTokenCount: Int,
        kvType: KVType, positionCount: Int
    ) throws(ModelError) -> Model {
        let plan = try WeightPlan(
            loading.weights, file, maxTokenCount: maxTokenCount, threadCount: team.threadCount
        ) {
            $0.wholeKVBytes(kvType, positionCount: min(positionCount, $0.contextLength))
        }
        loading.planned(plan)
        return try Model(file, team: team, storage: plan.storage, report: loading.report)
    }
}

extension ModelRunner {
    /// Runs one sequence from position 0 in chunks of as many tokens as a step takes.
    ///
    /// `visit` gets each token's index and the logits [V] after it, on any thread of the team, several
    /// at a time.
    func runChunks(
        of tokens: ArraySlice<Int32>, visit: (Int, UnsafeMutableBufferPointer<Float>) -> Void
    ) {
        for start in stride(from: 0, to: tokens.count, by: maxTokenCount) {
            let chunk = tokens.dropFirst(start).prefix(maxTokenCount)
            append(
                tokens: chunk, startPosition: start,
                blockTables: Int32(0)..<Int32(kvBlockCount), logitsRowCount: chunk.count)
            run { row in visit(start + row.index, row.logits) }
        }
    }
}
