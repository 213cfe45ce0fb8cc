// SPDX-License-Identifier: Apache-2.0

/// The tensors of the layers that several families share, under GGUF's names.
extension WeightLoader {
    /// `attn_q`, `attn_k`, `attn_v` or all in `attn_qkv`, and `attn_output`, with biases where the
    /// file has them; `attn_sinks` where it has those.
    func groupedQueryAttention(
        _ layer: Int, _ shape: AttentionShape, _ kvShape: KVShape, _ rotary: RotaryEmbedding?,
        hiddenSize: Int, normalization: GroupedQueryAttention.Normalization,
        temperature: QueryTemperature? = nil
    ) throws(ModelError) -> GroupedQueryAttention {
        let name = "blk.\(layer).attn_"
        let queryWidth = shape.queryHeadCount * shape.headDimension
        let kvWidth = shape.kvHeadCount * shape.headDimension
        return GroupedQueryAttention(
            place: kvShape.places[layer], span: kvShape.spans[kvShape.places[layer].group],
            queryHeadCount: shape.queryHeadCount, kvHeadCount: shape.kvHeadCount,
            headDimension: shape.headDimension, scale: shape.scale,
            projections: LinearGroup(
                try linears(
                    [name + "q", name + "k", name + "v"], fused: name + "qkv",
                    rows: [queryWidth, kvWidth, kvWidth], width: hiddenSize)),
            normalization: normalization, rotary: rotary, temperature: temperature,
            sinks: contains(name + "sinks.weight")
                ? try vector(name + "sinks.weight", count: shape.queryHeadCount) : nil,
            output: try linear(name + "output", rows: hiddenSize, width: queryWidth))
    }

    /// `attn_q_norm`, `attn_k_norm` over one head.
    func perHeadNorms(
        _ layer: Int, _ shape: AttentionShape
    ) throws(ModelError) -> GroupedQueryAttention.Normalization {
        .perHead(
            query: try norm(
                "blk.\(layer).attn_q_norm.weight", width: shape.headDimension,
                epsilon: shape.epsilon),
            key: try norm(
                "blk.\(layer).attn_k_norm.weight", width: shape.headDimension,
                epsilon: shape.epsilon))
    }

    /// `attn_q_norm`, `attn_k_norm` over all heads together.
    func acrossHeadsNorms(
        _ layer: Int, _ shape: AttentionShape
    ) throws(ModelError) -> GroupedQueryAttention.Normalization {
        .acrossHeads(
            query: try norm(
                "blk.\(layer).attn_q_norm.weight",
                width: shape.queryHeadCount * shape.headDimension, epsilon: shape.epsilon),
            key: try norm(
                "blk.\(layer).attn_k_norm.weight", width: shape.kvHeadCount * shape.headDimension,
                epsilon: shape.epsilon))
    }

    /// `<prefix>_gate`, `<prefix>_up`, `<prefix>_down`, with an optional suffix.
    func gatedFeedForward(
        _ prefix: String, suffix: String = "", hiddenSize: Int, width: Int
    ) throws(ModelError) -> GatedFeedForward {
        GatedFeedForward(
            gate: try matrix("\(prefix)_gate\(suffix).weight", rows: width, width: hiddenSize),
            up: try matrix("\(prefix)_up\(suffix).weight", rows: width, width: hiddenSize),
            down: try matrix("\(prefix)_down\(suffix).weight", rows: hiddenSize, width: width))
    }

    /// `ffn_gate_inp`, `ffn_gate_exps`, `ffn_up_exps`, `ffn_down_exps`.
    func mixtureOfExperts(
        _ layer: Int, _ parameters: HyperParameters, hiddenSize: Int, width: Int, normalizes: Bool
    ) throws(ModelError) -> MixtureOfExperts {
        let name = "blk.\(layer).ffn_"
        let (count, activeCount) = try parameters.experts()
        return MixtureOfExperts(
            router: SoftmaxRouter(
                weight: try matrix(name + "gate_inp.weight", rows: count, width: hiddenSize),
                activeCount: activeCount,
                normalizes: try parameters.boolIfPresent("expert_weights_norm") ?? normalizes),
            gate: try matrices(
                name + "gate_exps.weight", count: count, rows: width, width: hiddenSize),
            up: try matrices(
                name + "up_exps.weight", count: count, rows: width, width: hiddenSize),
            down: try matrices(
                name + "down_exps.weight", count: count, rows: hiddenSize, width: width))
    }

    /// `ffn_gate_inp_shexp`, `ffn_gate_shexp`, `ffn_up_shexp`, `ffn_down_shexp`.
    func sharedExpert(
        _ layer: Int, _ parameters: HyperParameters, hiddenSize: Int
    ) throws(ModelError) -> SharedExpert {
        let name = "blk.\(layer).ffn"
        let width = try parameters.width(
            "expert_shared_feed_forward_length", default: parameters.feedForwardWidth)
        return SharedExpert(
            feedForward: try gatedFeedForward(
                name, suffix: "_shexp", hiddenSize: hiddenSize, width: width),
            gate: try matrix(name + "_gate_inp_shexp.weight", rows: 1, width: hiddenSize))
    }
}
