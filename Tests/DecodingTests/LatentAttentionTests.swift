// SPDX-License-Identifier: Apache-2.0

import Decoding
import ModelFile
import Testing

/// Two ways to the same sums, and two forms of file.
@Suite struct LatentAttentionTests {
    private static let families = [
        "deepseek_v2", "deepseek_v2_lite", "deepseek_v3", "deepseek_v3_yarn", "glm4_moe_lite",
    ]

    @Test(arguments: families, [0, 1, 20])
    func `generated tokens agree with transformers`(family: String, promptTokenCount: Int) throws {
        let reference = try TinyReference(family)

        let logits = try runner(reference.file, .f32).logits(
            of: reference.tokens, chunk: 5, promptTokenCount: promptTokenCount)

        #expect(
            worstError(logits, reference.logits) <= FamilyReferenceTests.logitTolerance)
    }

    /// A prompt of 20 tokens, cut at each place, beside another sequence or not.
    @Test(arguments: families, KVType.allCases)
    func `a token has the same bits in any chunk and company, prompt or generated`(
        family: String, kvType: KVType
    ) throws {
        let reference = try TinyReference(family)
        let whole = try runner(reference.file, kvType).logits(
            of: reference.tokens, chunk: 48, promptTokenCount: 20)

        for chunk in [1, 7, 19, 20, 21] {
            let inChunks = try runner(reference.file, kvType).logits(
                of: reference.tokens, chunk: chunk, promptTokenCount: 20)
            #expect(inChunks == whole)
        }
        let together = try runner(reference.file, kvType).logits(of: [
            TestSlice(tokens: [9, 8, 7, 6, 5, 9, 9], firstBlock: 4, promptTokenCount: 2),
            TestSlice(tokens: reference.tokens, promptTokenCount: 20),
            TestSlice(tokens: Array(reference.tokens.reversed()), firstBlock: 8),
        ])[1]
        #expect(together == whole)
    }

    @Test(arguments: families)
    func `which way a token takes shows in its last bits only`(family: String) throws {
        let reference = try TinyReference(family)

        let expanded = try runner(reference.file, .f32).logits(of: reference.tokens, chunk: 48)
        let absorbed = try runner(reference.file, .f32).logits(
            of: reference.tokens, chunk: 48, promptTokenCount: 0)

        #expect(expanded != absorbed)
        #expect(worstError(absorbed, expanded) <= FamilyReferenceTests.logitTolerance)
    }

    @Test(arguments: families, [20, Int.max])
    func `files with keys and values of a head in one tensor give the same logits`(
        family: String, promptTokenCount: Int
    ) throws {
        let reference = try TinyReference(family)
        var model = try EditableModel(reference.file)
        try model.joinKeysAndValues()

        let logits = try runner(try model.opened(), .f32).logits(
            of: reference.tokens, chunk: 48, promptTokenCount: promptTokenCount)

        #expect(
            worstError(logits, reference.logits) <= FamilyReferenceTests.logitTolerance)
    }

    @Test(arguments: families)
    func `a position takes the latent and the rotary key of each layer`(family: String) throws {
        let file = try TinyReference(family).file
        let rank = try file.int("deepseek2.attention.kv_lora_rank")
        let rotary = try file.int("deepseek2.rope.dimension_count")
        let layerCount = try file.int("deepseek2.block_count")

        let bytes = try ModelRequirements(file).kvPositionBytes(.f16)

        #expect(bytes == 2 * (rank + rotary) * layerCount)
    }

    private func runner(_ file: GGUFFile, _ kvType: KVType) throws -> ModelRunner {
        let team = try ThreadTeam(threadCount: 2)
        return try ModelRunner(
            try Model(file, team: team), team: team, maxTokenCount: 128, kvBlockCount: 16,
            kvType: kvType)
    }
}

extension EditableModel {
    /// As converters wrote them at first: `attn_kv_b`, each head's key rows and then its value rows, and the
    /// sizes of heads.
    fileprivate mutating func joinKeysAndValues() throws {
        let names = tensors.map(\.name).filter { $0.hasSuffix("attn_k_b.weight") }
        for name in names {
            let valueName = name.replacing("attn_k_b", with: "attn_v_b")
            let key = try #require(tensors.first { $0.name == name })
            let value = try #require(tensors.first { $0.name == valueName })
            let (heads, rank, plain) = (key.shape[0], key.shape[1], key.shape[2])
            let valueBytes = value.bytes.count / heads
            var joined: [UInt8] = []
            for head in 0..<heads {
                for row in 0..<plain {
                    for column in 0..<rank {
                        let start = ((head * rank + column) * plain + row) * 4
                        joined += key.bytes[start..<start + 4]
                    }
                }
                joined += value.bytes[head * valueBytes..<(head + 1) * valueBytes]
            }
            tensors.removeAll { $0.name == name || $0.name == valueName }
            tensors.append(
                Tensor(
                    name: name.replacing("attn_k_b", with: "attn_kv_b"), type: key.type,
                    shape: [heads * (plain + value.shape[1]), rank], bytes: joined))
        }
        self["attention.key_length"] = self["attention.key_length_mla"]
        self["attention.value_length"] = self["attention.value_length_mla"]
        self["attention.key_length_mla"] = nil
        self["attention.value_length_mla"] = nil
        self["attention.head_count_kv"] = self["attention.head_count"]
    }
}
