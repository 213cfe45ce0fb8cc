// SPDX-License-Identifier: Apache-2.0

package import ModelFile

/// What serving a model needs, read from its file before anything is allocated.
package struct ModelRequirements: Sendable {
    /// Positions that can be computed as the model was trained.
    package let contextLength: Int
    /// Bytes of the packed weights.
    package let weightBytes: Int
    private let kvShape: KVShape

    package init(_ file: GGUFFile) throws(ModelError) {
        let summary = try ModelSummary(file)
        let parameters = try HyperParameters(file)
        let family = try family(of: parameters.architecture)
        try parameters.checkVariants()
        contextLength = try parameters.contextLength()
        weightBytes = summary.packedBytes
        kvShape = try family.kvShape(parameters)
    }

    /// Bytes that one KV block takes: 16 positions of one group's layers.
    package func kvBlockBytes(_ type: KVType) -> Int { kvShape.blockBytes(type) }

    /// What the queries of each group of layers see.
    package var kvGroups: [AttentionSpan] { kvShape.spans }
}
