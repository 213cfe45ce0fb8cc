// SPDX-License-Identifier: Apache-2.0

internal import ModelFile

/// The tensors of the layers that several families share, under GGUF's names.
extension WeightLoader {
    /// Fails unless the file has these tensors of a layer: without them shared layers would compute something
    /// else, and the family would not.
    func require(_ names: [String], inLayer layer: Int) throws(ModelError) {
        for name in names where !contains("blk.\(layer).\(name)") {
            throw .missingTensor("blk.\(layer).\(name)")
        }
    }

    /// `attn_q`, `attn_k`, `attn_v` or all in `attn_qkv`, and `attn_output`, with biases where the
    /// file has them; `attn_sinks` where it has those.
    func groupedQueryAttention(
        _ layer: Int, _ shape: AttentionShape, _ kvShape: KVShape, _ rotary: RotaryEmbedding?,
        hiddenSize: Int, normalization: GroupedQueryAttention.Normalization,
        temperature: QueryTemperature? = nil, scale: Float? = nil
    ) throws(ModelError) -> GroupedQueryAttention {
        let name = "blk.\(layer).attn_"
        let queryWidth = shape.queryHeadCount * shape.headDimension
        let kvWidth = shape.kvHeadCount * shape.headDimension
        return GroupedQueryAttention(
            place: kvShape.places[layer], span: kvShape.span(ofLayer: layer),
            queryHeadCount: shape.queryHeadCount, kvHeadCount: shape.kvHeadCount,
            headDimension: shape.headDimension, scale: scale ?? shape.scale,
            projections: LinearGroup(
                try linears(
                    [name + "q", name + "k", name + "v"], fused: name + "qkv",
                    rows: [queryWidth, kvWidth, kvWidth], width: hiddenSize)),
            normalization: normalization, rotary: rotary, temperature: temperature,
            sinks: contains(name + "sinks.weight")
                ? try vector(name + "sinks.weight", count: shape.queryHeadCount) : nil,
            output: try linear(name + "output", rows: hiddenSize, width: queryWidth))
    }

    /// `attn_q_norm`, `attn_k_norm` over one head, before or after it turns.
    func perHeadNorms(
        _ layer: Int, _ shape: AttentionShape, afterRotation: Bool = false
    ) throws(ModelError) -> GroupedQueryAttention.Normalization {
        let query = try norm(
            "blk.\(layer).attn_q_norm.weight", width: shape.headDimension, epsilon: shape.epsilon)
        let key = try norm(
            "blk.\(layer).attn_k_norm.weight", width: shape.headDimension, epsilon: shape.epsilon)
        return afterRotation
            ? .perHeadAfterRotation(query: query, key: key) : .perHead(query: query, key: key)
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
        _ prefix: String, suffix: String = "", hiddenSize: Int, width: Int,
        activation: GatedActivation = .silu
    ) throws(ModelError) -> GatedFeedForward {
        GatedFeedForward(
            gate: try matrix("\(prefix)_gate\(suffix).weight", rows: width, width: hiddenSize),
            up: try matrix("\(prefix)_up\(suffix).weight", rows: width, width: hiddenSize),
            down: try matrix("\(prefix)_down\(suffix).weight", rows: hiddenSize, width: width),
            activation: activation)
    }

    /// `ffn_gate_inp`, with a bias where the file has one, and `exp_probs_b`.
    func router(
        _ layer: Int, _ parameters: HyperParameters, _ routing: RoutingParameters
    ) throws(ModelError) -> Router {
        let (count, activeCount) = try parameters.experts()
        let bias = "blk.\(layer).exp_probs_b.bias"
        return Router(
            gate: try linear(
                "blk.\(layer).ffn_gate_inp", rows: count, width: try parameters.hiddenSize()),
            choice: ExpertChoice(
                expertCount: count, activeCount: activeCount, scoring: routing.scoring,
                selectionBias: contains(bias) ? try vector(bias, count: count) : nil,
                groups: routing.groups, smallestSum: routing.smallestSum, scale: routing.scale))
    }

    /// The router, and `ffn_gate_exps`, `ffn_up_exps` or both in `ffn_gate_up_exps`, and `ffn_down_exps`,
    /// with biases where the file has them.
    func mixtureOfExperts(
        _ layer: Int, _ parameters: HyperParameters, _ routing: RoutingParameters,
        activation: GatedActivation = .silu, weighsInput: Bool = false, width: Int? = nil
    ) throws(ModelError) -> MixtureOfExperts {
        let name = "blk.\(layer).ffn_"
        let hiddenSize = try parameters.hiddenSize()
        let width = if let width { width } else { try parameters.expertWidth() }
        let router = try router(layer, parameters, routing)
        let count = router.expertCount
        let gates: [Matrix]
        let ups: [Matrix]
        if contains(name + "gate_up_exps.weight") {
            let stacks = try stackedMatrices(
                name + "gate_up_exps.weight", count: count, rows: [width, width],
                width: hiddenSize)
            (gates, ups) = (stacks[0], stacks[1])
        } else {
            gates = try matrices(
                name + "gate_exps.weight", count: count, rows: width, width: hiddenSize)
            ups = try matrices(
                name + "up_exps.weight", count: count, rows: width, width: hiddenSize)
        }
        let downs = try matrices(
            name + "down_exps.weight", count: count, rows: hiddenSize, width: width)
        func biases(_ part: String, _ width: Int) throws(ModelError) -> [UnsafePointer<Float>]? {
            contains(name + part) ? try vectors(name + part, count: count, width: width) : nil
        }
        let gateBiases = try biases("gate_exps.bias", width)
        let upBiases = try biases("up_exps.bias", width)
        let downBiases = try biases("down_exps.bias", hiddenSize)
        let experts = (0..<count).map { expert in
            MixtureOfExperts.Expert(
                pair: GatedPair(
                    gate: gates[expert], up: ups[expert], activation: activation,
                    gateBias: gateBiases?[expert], upBias: upBiases?[expert]),
                down: downs[expert], downBias: downBiases?[expert])
        }
        return MixtureOfExperts(
            layer: layer, router: router, experts: experts, weighsInput: weighsInput)
    }

    /// `ffn_gate_inp_shexp`, `ffn_gate_shexp`, `ffn_up_shexp`, `ffn_down_shexp`.
    func gatedSharedExpert(
        _ layer: Int, _ parameters: HyperParameters
    ) throws(ModelError) -> SharedExpert {
        let name = "blk.\(layer).ffn"
        let hiddenSize = try parameters.hiddenSize()
        let width = try parameters.width(
            "expert_shared_feed_forward_length", default: parameters.feedForwardWidth)
        return SharedExpert(
            feedForward: try gatedFeedForward(
                name, suffix: "_shexp", hiddenSize: hiddenSize, width: width),
            gate: try matrix(name + "_gate_inp_shexp.weight", rows: 1, width: hiddenSize))
    }

    /// `ffn_gate_shexp`, `ffn_up_shexp`, `ffn_down_shexp`, of all shared experts together; none where the
    /// file has none.
    func sharedExperts(
        _ layer: Int, _ parameters: HyperParameters
    ) throws(ModelError) -> [GatedFeedForward] {
        let name = "blk.\(layer).ffn"
        // Writers state this width in ways that contradict each other: of one expert, of all, or, for ERNIE,
        // the dense width over the key-value heads. The tensor has the one that is meant.
        guard let gate = file.tensor(name + "_gate_shexp.weight") else { return [] }
        return [
            try gatedFeedForward(
                name, suffix: "_shexp", hiddenSize: try parameters.hiddenSize(),
                width: gate.rowCount)
        ]
    }

    /// What `routed` loads in a layer that has a router, else `ffn_gate`, `ffn_up`, `ffn_down`.
    ///
    /// Families state which layers have experts by different keys, and not all that they can have; a layer
    /// that has them has a router.
    func denseOr(
        _ layer: Int, _ parameters: HyperParameters,
        routed: () throws(ModelError) -> [any FeedForward]
    ) throws(ModelError) -> [any FeedForward] {
        contains("blk.\(layer).ffn_gate_inp.weight")
            ? try routed() : [try dense(layer, parameters)]
    }

    /// A dense feed-forward, or experts and shared experts.
    func denseOrExperts(
        _ layer: Int, _ parameters: HyperParameters, _ routing: RoutingParameters
    ) throws(ModelError) -> [any FeedForward] {
        try denseOr(layer, parameters) { () throws(ModelError) in
            [try mixtureOfExperts(layer, parameters, routing)]
                + (try sharedExperts(layer, parameters))
        }
    }

    /// `ffn_gate`, `ffn_up`, `ffn_down`.
    func dense(
        _ layer: Int, _ parameters: HyperParameters, activation: GatedActivation = .silu
    ) throws(ModelError) -> GatedFeedForward {
        try gatedFeedForward(
            "blk.\(layer).ffn", hiddenSize: try parameters.hiddenSize(),
            width: try parameters.feedForwardWidth(), activation: activation)
    }
}
