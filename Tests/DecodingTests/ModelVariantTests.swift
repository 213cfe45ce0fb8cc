// SPDX-License-Identifier: Apache-2.0

import Decoding
import ModelFile
import Testing

/// Spellings and variants that converters write: computed exactly, or refused with the key's name.
@Suite struct ModelVariantTests {
    private static let same: [(String, @Sendable (inout EditableModel) -> Void)] = [
        ("llama", { $0["attention.head_count_kv"] = .array(.int32([2, 2])) }),
        ("llama", { $0["feed_forward_length"] = .array(.int32([96, 96])) }),
        ("llama", { $0["attention.sliding_window"] = .uint32(0) }),
        ("llama", { $0["attention.causal"] = .bool(true) }),
        ("llama", { $0["attention.scale"] = .float32(0.25) }),
        ("llama", { $0["rope.scaling.factor"] = .float32(1) }),
        ("llama", { $0["rope.dimension_count"] = nil }),
        ("llama", { $0["rope.freq_base"] = nil }),
        ("llama", { $0["logit_scale"] = .float32(1) }),
        ("qwen2", { $0.set("general.type", nil) }),
        ("qwen2", { $0.set("split.count", .uint16(0)) }),
        ("mixtral", { $0["expert_gating_func"] = .uint32(1) }),
        ("mixtral", { $0["expert_gating_func"] = .uint32(3) }),
        ("mixtral", { $0["expert_group_count"] = .uint32(1) }),
        ("dots1", { $0["expert_gating_func"] = nil }),
        ("dots1", { $0["expert_group_count"] = nil }),
        ("glm4_moe", { $0["expert_gating_func"] = nil }),
        ("glm4_moe_lite", { $0["expert_gating_func"] = nil }),
        ("minimax_m2", { $0["expert_gating_func"] = nil }),
        ("deepseek_v2", { $0["expert_gating_func"] = nil }),
        ("gpt_oss", { $0["expert_gating_func"] = .uint32(3) }),
        ("granitemoe", { $0["expert_weights_norm"] = .bool(true) }),
        ("deepseek_v1", { $0["expert_weights_scale"] = .float32(0) }),
        ("ernie4_5_moe", { $0["expert_shared_feed_forward_length"] = nil }),
        ("hunyuan_v1_moe", { $0["expert_feed_forward_length"] = .uint32(17) }),
        ("deepseek_v3", { $0.fuseExperts() }),
        ("mixtral", { $0["expert_used_count"] = .array(.int32([2, 2])) }),
        ("mixtral", { $0["expert_feed_forward_length"] = .uint32(96) }),
        ("qwen3_moe", { $0["expert_weights_scale"] = .float32(1) }),
        ("qwen2_moe", { $0.removeExpertWidths() }),
        ("qwen2", { $0.fuseProjections() }),
        ("llama_odd", { $0.fuseProjections() }),
    ]

    @Test(arguments: same.indices)
    func `another spelling of the same model gives the same logits`(index: Int) throws {
        let reference = try TinyReference(Self.same[index].0)
        var model = try EditableModel(reference.file)
        Self.same[index].1(&model)

        let logits = try ModelRunner.logits(of: reference.tokens, by: try model.opened())

        #expect(worstError(logits, reference.logits) <= FamilyReferenceTests.logitTolerance)
    }

    @Test(arguments: [
        ("attention.causal", MetadataValue.bool(false)), ("attention.scale", .float32(-1)),
        ("attention.clamp_kqv", .float32(8)), ("attention.max_alibi_bias", .float32(8)),
        ("attn_logit_softcapping", .float32(50)), ("embedding_scale", .float32(12)),
        ("expert_gating_func", .uint32(4)), ("expert_group_count", .uint32(8)),
        ("expert_group_count", .uint32(9)), ("expert_weights_scale", .float32(-2.5)),
        ("final_logit_softcapping", .float32(30)),
        ("leading_dense_block_count", .uint32(1)), ("logit_scale", .float32(.nan)),
        ("nextn_predict_layers", .uint32(1)), ("residual_scale", .float32(0.22)),
        ("rope.scaling.type", .string(Array("longrope".utf8))),
        ("attention.head_count_kv", .array(.int32([2, 4]))),
        ("attention.head_count_kv", .uint32(3)), ("attention.value_length", .uint32(8)),
        ("rope.dimension_count", .uint32(15)), ("rope.dimension_count", .uint32(34)),
        ("rope.freq_base", .float32(-1)), ("rope.scaling.factor", .float32(.infinity)),
        ("attention.layer_norm_rms_epsilon", .float32(.nan)), ("block_count", .uint32(1)),
        ("block_count", .uint32(3)), ("embedding_length", .uint32(2)),
        ("attention.head_count", .uint32(128)), ("expert_used_count", .uint32(9)),
        ("expert_count", .uint32(0)), ("expert_count", .uint32(7)),
    ])
    func `what would be computed wrongly is refused before and when it is loaded`(
        key: String, value: MetadataValue
    ) throws {
        var model = try EditableModel(try TinyReference("qwen3_moe").file)
        if key.hasPrefix("attention.head_count") || key == "embedding_length" {
            model["attention.key_length"] = nil
        }
        model[key] = value
        let file = try model.opened()
        let team = try ThreadTeam(threadCount: 1)

        #expect(throws: ModelError.self) { try Model(file, team: team) }
    }

    @Test(arguments: [
        ("gpt_oss", "blk.1.attn_sinks.weight"), ("gpt_oss", "blk.0.ffn_gate_inp.bias"),
        ("gpt_oss", "blk.2.ffn_down_exps.bias"), ("minimax_m2", "blk.0.exp_probs_b.bias"),
    ])
    func `a family does not do without what all its models have`(
        family: String, tensor: String
    ) throws {
        var model = try EditableModel(try TinyReference(family).file)
        model.tensors.removeAll { $0.name == tensor }
        let file = try model.opened()

        let error = try #require(throws: ModelError.self) { try ModelRequirements(file) }

        #expect(error == .missingTensor(tensor))
    }

    @Test(arguments: [
        ("granitemoe", "embedding_scale", MetadataValue.float32(-1)),
        ("granitemoe", "residual_scale", .float32(.nan)),
        ("granitemoe", "logit_scale", .float32(0)),
        ("glm4_moe", "expert_group_count", .uint32(5)),
        ("glm4_moe", "expert_group_used_count", .uint32(5)),
        ("glm4_moe", "expert_used_count", .uint32(7)), ("glm4_moe", "logit_scale", .float32(2)),
        ("glm4_moe", "nextn_predict_layers", .uint32(4)),
        ("bailingmoe2", "residual_scale", .float32(2)),
        ("phimoe", "rope.scaling.type", .string(Array("yarn".utf8))),
        ("phimoe", "rope.scaling.attn_factor", .float32(-1)),
        ("minimax_m2", "leading_dense_block_count", .uint32(1)),
    ])
    func `what a family honours must be sound, and what it does not must change nothing`(
        family: String, key: String, value: MetadataValue
    ) throws {
        var model = try EditableModel(try TinyReference(family).file)
        model[key] = value
        let file = try model.opened()

        #expect(throws: ModelError.self) { try ModelRequirements(file) }
    }

    @Test func `an error names the key and both values`() throws {
        var model = try EditableModel(try TinyReference("llama").file)
        model["final_logit_softcapping"] = .float32(30)
        let file = try model.opened()

        let error = try #require(throws: ModelError.self) { try ModelRequirements(file) }

        #expect(
            "\(error)"
                == "'llama.final_logit_softcapping': wanted 0.0, as this architecture has it,"
                + " found 30.0")
    }

    @Test func `names from a file are quoted on one line`() throws {
        var model = try EditableModel(try TinyReference("llama").file)
        model.set("general.architecture", .string(Array("a\n\u{1B}[2J".utf8)))
        let file = try model.opened()

        let error = try #require(throws: ModelError.self) { try ModelRequirements(file) }

        #expect(!"\(error)".unicodeScalars.contains { $0.value < 32 })
    }

    @Test(arguments: [("general.type", "adapter"), ("general.type", "mmproj")])
    func `a file that is not a model says what it is`(key: String, type: String) throws {
        var model = try EditableModel(try TinyReference("llama").file)
        model.set(key, .string(Array(type.utf8)))
        let file = try model.opened()

        let error = try #require(throws: ModelError.self) { try ModelSummary(file) }

        #expect("\(error)".contains("'\(type)'"))
    }

    @Test(arguments: ["qwen3_moe", "llama_odd"])
    func `a model split over three files gives the same bits`(family: String) throws {
        let reference = try TinyReference(family)
        let model = try EditableModel(reference.file)
        let whole = try model.opened()
        let split = try model.opened(inParts: 3)

        let logits = try ModelRunner.logits(of: reference.tokens, by: split)

        #expect(split.partCount == 3)
        #expect(Set(split.tensors.map(\.part)) == [0, 1, 2])
        #expect(logits == (try ModelRunner.logits(of: reference.tokens, by: whole)))
        let (needs, wanted) = (try ModelRequirements(split), try ModelRequirements(whole))
        #expect(needs.weightBytes == wanted.weightBytes)
        #expect(needs.contextLength == wanted.contextLength)
    }

    @Test(arguments: [(32, 32), (2048, 2048), (4096, 2048), (0, 2048)])
    func `a sliding window bounds the context, within which it changes nothing`(
        window: Int, contextLength: Int
    ) throws {
        var model = try EditableModel(try TinyReference("llama").file)
        model["attention.sliding_window"] = .uint32(UInt32(window))
        let file = try model.opened()

        #expect(try ModelRequirements(file).contextLength == contextLength)
        #expect(
            try Model(file, team: try ThreadTeam(threadCount: 1)).contextLength == contextLength)
    }

    @Test(arguments: TinyReference.families)
    func `packed bytes are known before packing`(family: String) throws {
        let file = try TinyReference(family).file

        let predicted = try ModelRequirements(file).weightBytes
        let packed = try Model(file, team: try ThreadTeam(threadCount: 1)).weightBytes

        #expect(predicted == packed)
    }
}

extension EditableModel {
    /// As the first Qwen1.5-MoE files: only what four experts have together.
    fileprivate mutating func removeExpertWidths() {
        self["expert_feed_forward_length"] = nil
        self["expert_shared_feed_forward_length"] = nil
        self["feed_forward_length"] = .uint32(64)
    }

    /// Queries, keys and values in one tensor, as `--fuse-qkv` of llama.cpp's converter writes them.
    fileprivate mutating func fuseProjections() {
        for suffix in ["weight", "bias"] {
            for layer in 0..<2 {
                let parts = ["q", "k", "v"].compactMap { part in
                    tensors.first { $0.name == "blk.\(layer).attn_\(part).\(suffix)" }
                }
                tensors.removeAll { tensor in parts.contains { $0.name == tensor.name } }
                var fused = parts[0]
                fused.name = "blk.\(layer).attn_qkv.\(suffix)"
                fused.shape[0] = parts.map { $0.shape[0] }.reduce(0, +)
                fused.bytes = parts.flatMap(\.bytes)
                tensors.append(fused)
            }
        }
    }

    /// Experts' gate and up matrices in one tensor, as `--fuse-gate-up-exps` of llama.cpp's converter writes
    /// them.
    fileprivate mutating func fuseExperts() {
        for gate in tensors.filter({ $0.name.hasSuffix("ffn_gate_exps.weight") }) {
            let upName = gate.name.replacing("gate", with: "up")
            guard let up = tensors.first(where: { $0.name == upName }) else { continue }
            let size = gate.bytes.count / gate.shape[0]
            change(gate.name) { tensor in
                tensor.name = gate.name.replacing("gate", with: "gate_up")
                tensor.shape[1] *= 2
                tensor.bytes = (0..<gate.shape[0]).flatMap { expert in
                    [gate, up].flatMap { $0.bytes[expert * size..<(expert + 1) * size] }
                }
            }
            tensors.removeAll { $0.name == upName }
        }
    }
}
