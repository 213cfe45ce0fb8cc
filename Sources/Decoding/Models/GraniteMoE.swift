// SPDX-License-Identifier: Apache-2.0

/// Granite 3 MoE, with and without shared experts: multipliers on embeddings, branches, scores and logits
/// (IBM 2024).
struct GraniteMoE: PreNormFamily {
    static let architecture = "granitemoe"
    /// The converter permutes queries and keys as Llama's.
    static let pairing = RotaryEmbedding.Pairing.interleaved
    static let honoredKeys: Set = ["embedding_scale", "residual_scale", "logit_scale"]

    let decoder: PreNormDecoder

    static func embeddingScale(_ parameters: HyperParameters) throws(ModelError) -> Float {
        try parameters.positive("embedding_scale", default: 1)
    }

    static func branches(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> (attention: ResidualBranch, feedForward: ResidualBranch) {
        let branch = ResidualBranch(
            scale: try parameters.positive("residual_scale", default: 1))
        return (branch, branch)
    }

    /// `logit_scale` is what logits are divided by.
    static func logitScale(_ parameters: HyperParameters) throws(ModelError) -> Float {
        1 / (try parameters.positive("logit_scale", default: 1))
    }

    static func feedForwards(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [any FeedForward] {
        let routing = try RoutingParameters(
            parameters, scoring: .softmaxOfChosen, normalizes: false)
        return [try loader.mixtureOfExperts(layer, parameters, routing)]
            + (try loader.sharedExperts(layer, parameters))
    }
}
