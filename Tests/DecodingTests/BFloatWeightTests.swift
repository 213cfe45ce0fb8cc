// SPDX-License-Identifier: Apache-2.0

import Decoding
import ModelFile
import Testing

/// Float32 matrices whose values all are BF16, as routers are in published files.
@Suite struct BFloatWeightTests {
    private static let families = [
        "deepseek_v2_lite", "gpt_oss", "llama4", "mixtral", "qwen2_moe", "qwen3_moe",
        "qwen3_moe_odd",
    ]

    @Test(arguments: families)
    func `routers of BF16 values take half the bytes and give the same bits`(
        family: String
    ) throws {
        let reference = try TinyReference(family)
        var model = try EditableModel(reference.file)
        let names = model.tensors.map(\.name).filter { $0.hasSuffix("ffn_gate_inp.weight") }
        for name in names { model.truncate(name) }
        let file = try model.opened()
        let saved = names.reduce(0) { $0 + (file.tensor($1)?.packedFloatBytes ?? 0) / 2 }
        try #require(saved > 0)

        let narrow = try run(file, .packed, reference.tokens)
        let wide = try run(reference.file, .packed, reference.tokens)
        // Mapped matrices stay as the file has them.
        let mapped = try run(file, .mapped, reference.tokens)

        #expect(narrow.logits == mapped.logits)
        #expect(narrow.model.weightBytes == wide.model.weightBytes - saved)
        #expect(narrow.bytesRead == wide.bytesRead - saved)
        #expect(try ModelRequirements(file).weightBytes == wide.model.weightBytes)
    }

    @Test(arguments: ["first", "last", "lowest bit"])
    func `one value that is no BF16 keeps a matrix in float32`(where place: String) throws {
        let reference = try TinyReference("qwen3_moe")
        let name = "blk.0.ffn_gate_inp.weight"
        var model = try EditableModel(reference.file)
        model.truncate(name)
        let narrow = try run(try model.opened(), .packed, reference.tokens).model.weightBytes
        model.change(name) { tensor in
            switch place {
            case "first": tensor.bytes[1] |= 0x80
            case "last": tensor.bytes[tensor.bytes.count - 3] |= 0x80
            default: tensor.bytes[tensor.bytes.count / 2] |= 1
            }
        }

        let wide = try run(try model.opened(), .packed, reference.tokens)
        let mapped = try run(try model.opened(), .mapped, reference.tokens)

        #expect(wide.model.weightBytes == (try ModelRequirements(reference.file).weightBytes))
        #expect(wide.model.weightBytes > narrow)
        #expect(wide.logits == mapped.logits)
    }

    /// Fused projections, stacked experts, heads' transposes: all ways in which a tensor becomes matrices.
    @Test(arguments: families + ["deepseek_v3_unsplit", "llama_odd", "phimoe"])
    func `a file of BF16 values gives the same bits as one of the type`(family: String) throws {
        let reference = try TinyReference(family)
        var asFloats = try EditableModel(reference.file)
        for tensor in asFloats.tensors where tensor.shape.count > 1 {
            asFloats.truncate(tensor.name)
        }
        var asBFloats = asFloats
        for tensor in asFloats.tensors
        where tensor.shape.count > 1 && !tensor.name.hasSuffix(".bias") {
            asBFloats.change(tensor.name) { tensor in
                tensor.type = TensorType.bf16.rawValue
                let bytes = tensor.bytes
                tensor.bytes = stride(from: 0, to: bytes.count, by: 4)
                    .flatMap { bytes[$0 + 2..<$0 + 4] }
            }
        }

        let found = try run(try asFloats.opened(), .packed, reference.tokens)
        let wanted = try run(try asBFloats.opened(), .packed, reference.tokens)
        let mapped = try run(try asFloats.opened(), .mapped, reference.tokens)

        #expect(found.logits == wanted.logits)
        #expect(found.logits == mapped.logits)
        #expect(found.model.weightBytes == wanted.model.weightBytes)
    }

    private func run(
        _ file: GGUFFile, _ storage: WeightStorage, _ tokens: [Int32]
    ) throws -> (model: Model, logits: [[UInt32]], bytesRead: Int) {
        let team = try ThreadTeam(threadCount: 2)
        let model = try Model(file, team: team, storage: storage)
        let runner = try ModelRunner(
            model, team: team, maxTokenCount: 64, kvBlockCount: 4 * model.kvGroups.count)
        _ = runner.logits(of: [TestSlice(tokens: [5])])
        let bytesRead = runner.weightsRead.byteCount
        let logits =
            runner.logits(of: tokens, chunk: 7)
            + runner.logits(of: tokens, chunk: 1, promptTokenCount: 1)
        return (model, logits.map { $0.map(\.bitPattern) }, bytesRead)
    }
}

extension EditableModel {
    /// Takes the lower halves of a float32 tensor's values away.
    fileprivate mutating func truncate(_ name: String) {
        change(name) { tensor in
            for index in stride(from: 0, to: tensor.bytes.count, by: 4) {
                tensor.bytes[index] = 0
                tensor.bytes[index + 1] = 0
            }
        }
    }
}

extension TensorDescription {
    /// Bytes of a float32 matrix in strips of 16 rows.
    fileprivate var packedFloatBytes: Int { (rowCount + 15) / 16 * 16 * rowLength * 4 }
}
