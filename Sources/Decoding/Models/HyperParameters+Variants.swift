// SPDX-License-Identifier: Apache-2.0

internal import ModelFile

/// Keys that change what a model computes and that only some families read, or none.
///
/// Ignoring one would give other logits than the model's, so that a file is refused unless its family
/// honours the key or the value is one that changes nothing. Keys that are not listed are read by every
/// family that they concern, or are taken to be descriptions.
extension HyperParameters {
    private static let neutralValues: [(key: String, values: [Double])] = [
        ("attention.causal", [1]),
        ("attention.clamp_kqv", [0]),
        ("attention.kv_lora_rank", [0]),
        ("attention.max_alibi_bias", [0]),
        ("attention.output_scale", [0, 1]),
        ("attention.q_lora_rank", [0]),
        ("attention.shared_kv_layers", [0]),
        ("attention.temperature_length", [0]),
        ("attention.value_scale", [0, 1]),
        ("attn_logit_softcapping", [0]),
        ("embedding_scale", [0, 1]),
        ("final_logit_softcapping", [0]),
        ("interleave_moe_layer_step", [0, 1]),
        ("leading_dense_block_count", [0]),
        ("logit_scale", [0, 1]),
        ("moe_every_n_layers", [0, 1]),
        ("nextn_predict_layers", [0]),
        ("num_loops", [0, 1]),
        ("residual_scale", [0, 1]),
        ("rope.scaling.alpha", [0, 1]),
        ("rope.scaling.attn_factor", [0, 1]),
        ("rope.scaling.yarn_ext_factor", [-1, 1]),
        ("rope.scaling.yarn_log_multiplier", [0]),
        ("router_logit_softcapping", [0]),
        ("swiglu_clamp_exp", [0]),
        ("swiglu_clamp_shexp", [0]),
        ("swin_norm", [0]),
        ("use_parallel_residual", [0]),
    ]

    /// Fails when the file asks for a computation that its family does not do.
    func checkVariants(honoring honored: Set<String>) throws(ModelError) {
        for (key, values) in Self.neutralValues where !honored.contains(key) {
            try check(key, isOneOf: values)
        }
        if try hasExperts() { _ = try experts() }
    }

    private func check(_ key: String, isOneOf values: [Double]) throws(ModelError) {
        guard let found = file.metadata[name(key)] else { return }
        // Writers round to float32.
        guard let number = found.number, values.contains(where: { abs(number - $0) < 1e-6 }) else {
            let wanted = values.map { "\($0)" }.joined(separator: " or ")
            throw .badHyperParameter(
                key: name(key), wanted: "\(wanted), as this architecture has it",
                found: found.number.map { "\($0)" } ?? found.typeName)
        }
    }
}

extension MetadataValue {
    /// The value when it is a number or a truth value.
    fileprivate var number: Double? {
        switch self {
        case .float32(let value): Double(value)
        case .float64(let value): value
        case .bool(let value): value ? 1 : 0
        default: integer.map { Double($0) }
        }
    }
}
