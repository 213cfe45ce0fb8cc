// SPDX-License-Identifier: Apache-2.0

package import ModelFile

/// What serving a model needs, found by going through the motions of loading it: every check is made and
/// every byte counted, but no matrix is read.
package struct ModelRequirements: Sendable {
    /// Positions that can be computed as the model was trained.
    package let contextLength: Int
    /// Bytes that the weights take in memory: matrices where they are packed, and vectors.
    ///
    /// An upper bound: float32 matrices count as such, and those whose values are all BF16 are packed as
    /// that.
    package let weightBytes: Int
    /// Bytes of the matrices that are left in the file, which come into memory as steps read them and stay
    /// while there is room.
    package let mappedWeightBytes: Int
    /// Bytes of what steps write beside keys and values; with strips that are packed for one use.
    package let scratchBytes: Int
    /// Bytes of the embedding table, whose rows come into memory as tokens ask for them and stay while there
    /// is room.
    package let embeddingBytes: Int
    private let kvShape: KVShape

    /// For steps of up to `maxTokenCount` tokens on `threadCount` threads.
    package init(
        _ file: GGUFFile, storage: WeightStorage = .packed, maxTokenCount: Int = 512,
        threadCount: Int = 1
    ) throws(ModelError) {
        let team = try ThreadTeam(threadCount: threadCount)
        let model = try Model.measured(file, team: team, storage: storage)
        let runner = try ModelRunner(
            model, team: team, maxTokenCount: maxTokenCount, kvBlockCount: 1, kvType: .standard)
        contextLength = model.contextLength
        weightBytes = model.weightBytes
        mappedWeightBytes = model.mappedWeightBytes
        scratchBytes = runner.allocatedBytes - model.kvBlockBytes(.standard)
        embeddingBytes = model.family.embedding.table.byteCount
        kvShape = model.family.kvShape
    }

    /// Bytes that one KV block takes: 16 positions of one group's layers.
    package func kvBlockBytes(_ type: KVType) -> Int { kvShape.blockBytes(type) }

    /// What the queries of each group of layers see.
    package var kvGroups: [AttentionSpan] { kvShape.spans }

    /// Whether keys and values may be shared only between tokens that both were given or both generated.
    package var tellsPromptTokensApart: Bool { kvShape.tellsPromptTokensApart }

    /// Bytes that one position takes in all layers, before any is given back.
    package func kvPositionBytes(_ type: KVType) -> Int {
        kvShape.blockBytes(type) / 16 * kvShape.spans.count
    }

    /// Bytes of the keys and values of `positionCount` positions computed one after the other, when what
    /// no later position sees is given back.
    package func kvBytes(_ type: KVType, positionCount: Int) -> Int {
        kvShape.spans.reduce(0) { bytes, span in
            let first = span.firstPosition(for: max(0, positionCount - 1)) / 16
            return bytes + kvShape.blockBytes(type) * ((positionCount + 15) / 16 - first)
        }
    }
}
