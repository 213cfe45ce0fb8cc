// SPDX-License-Identifier: Apache-2.0

import Decoding
import ModelFile
import Testing

/// Weights that stay in the mapped file, beside those that are packed at load.
@Suite struct WeightStorageTests {
    @Test(arguments: TinyReference.families + TinyReference.otherForms)
    func `mapped weights give the bits of packed ones in every form of step`(family: String) throws
    {
        let reference = try TinyReference(family)

        let packed = try logitsOfAllForms(reference.file, reference.tokens, .packed)
        let mapped = try logitsOfAllForms(reference.file, reference.tokens, .mapped)

        #expect(mapped == packed)
        #expect(packed.count == 3 && packed.allSatisfy { !$0.isEmpty })
    }

    /// Matrices that are multiplied side by side need not be of one type, nor strips of one size.
    @Test(arguments: ["llama", "mixtral", "olmoe", "qwen2_moe", "qwen3_moe"])
    func `mapped weights give the bits of packed ones where each may be quantised`(
        family: String
    ) throws {
        let reference = try TinyReference(family)
        var everySecond = try EditableModel(reference.file)
        var all = everySecond
        var index = 0
        for tensor in all.tensors
        where tensor.shape.count > 1 && (tensor.shape.last ?? 1).isMultiple(of: 32) {
            all.quantize(tensor.name)
            if index.isMultiple(of: 2) { everySecond.quantize(tensor.name) }
            index += 1
        }
        try #require(index > 4)
        for model in [everySecond, all] {
            let file = try model.opened()

            let packed = try logitsOfAllForms(file, reference.tokens, .packed)
            let mapped = try logitsOfAllForms(file, reference.tokens, .mapped)

            #expect(mapped == packed)
        }
    }

    @Test(arguments: TinyReference.families)
    func `mapped weights take no memory but for vectors and what files have the other way`(
        family: String
    ) throws {
        let file = try TinyReference(family).file
        let team = try ThreadTeam(threadCount: 1)
        // Small vectors, and what latent attention packs in any case.
        let isKept = { (name: String) in
            name.hasSuffix("_b.weight") && !name.hasSuffix("attn_q_b.weight")
        }
        let matrices = file.tensors.filter { tensor in
            tensor.shape.count > 1 && !tensor.name.hasSuffix(".bias") && !isKept(tensor.name)
                && (tensor.name != "token_embd.weight" || file.tensor("output.weight") == nil)
        }

        let model = try Model(file, team: team, storage: .mapped)
        let needs = try ModelRequirements(file, storage: .mapped)
        let packed = try Model(file, team: team)

        #expect(needs.weightBytes == model.weightBytes)
        #expect(needs.mappedWeightBytes == model.mappedWeightBytes)
        let rows = matrices.reduce(0) { $0 + $1.byteCount }
        // A shared expert's gate is a row of its own.
        let gates = file.tensors.filter { $0.name.hasSuffix("ffn_gate_inp_shexp.weight") }
            .filter { $0.shape.count == 1 }.reduce(0) { $0 + $1.byteCount }
        #expect(model.mappedWeightBytes == rows + gates)
        #expect(packed.weightBytes - model.weightBytes >= model.mappedWeightBytes)
        #expect(packed.mappedWeightBytes == 0)
    }

    @Test func `scratch has room for strips only where weights are mapped`() throws {
        let file = try TinyReference("qwen3_moe").file

        let packed = try ModelRequirements(file, threadCount: 3).scratchBytes
        let mapped = try ModelRequirements(file, storage: .mapped, threadCount: 3).scratchBytes

        #expect(mapped == packed + 3 * 2 * 65536)
    }

    @Test func `steps count the bytes of the file's rows where weights are mapped`() throws {
        let file = try TinyReference("llama").file
        let runner = try runner(file, .mapped)

        _ = runner.logits(of: [TestSlice(tokens: [5])])

        let matrices = file.tensors.filter {
            $0.shape.count > 1 && $0.name != "token_embd.weight"
        }
        let embedding = try #require(file.tensor("token_embd.weight"))
        let output = file.tensor("output.weight") == nil ? embedding.byteCount : 0
        #expect(
            runner.weightsRead.byteCount
                == matrices.reduce(0) { $0 + $1.byteCount } + output + embedding.rowBytes)
    }

    @Test(arguments: ["qwen3_moe", "deepseek_v3", "gpt_oss", "llama"], WeightStorage.allCases)
    func `loading reports how far it is, and in the end all`(
        family: String, storage: WeightStorage
    ) throws {
        let file = try TinyReference(family).file
        let totalBytes = file.tensors.reduce(0) { $0 + $1.byteCount }
        var reports: [LoadingProgress] = []

        withExtendedLifetime(
            try Model(
                file, team: try ThreadTeam(threadCount: 2), storage: storage,
                report: { reports.append($0) })
        ) {}

        let loaded = reports.map(\.loadedBytes)
        #expect(reports.allSatisfy { $0.totalBytes == totalBytes })
        #expect(loaded == loaded.sorted())
        #expect(loaded.last == totalBytes)
        if storage == .packed {
            #expect(loaded.count > 10)
            // What is left is the embedding and vectors.
            #expect(loaded[loaded.count - 2] > totalBytes / 2)
        }
    }

    /// Logits of a whole prompt, of tokens one at a time after a short one, and of both in one step beside
    /// other sequences.
    private func logitsOfAllForms(
        _ file: GGUFFile, _ tokens: [Int32], _ storage: WeightStorage
    ) throws -> [[[UInt32]]] {
        let prefill = try runner(file, storage).logits(of: tokens, chunk: 48)
        let decode = try runner(file, storage).logits(of: tokens, chunk: 1, promptTokenCount: 3)
        let mixing = try runner(file, storage)
        _ = mixing.logits(of: [TestSlice(tokens: Array(tokens[..<20]), promptTokenCount: 20)])
        let mixed = mixing.logits(of: [
            TestSlice(tokens: Array(tokens.reversed()), firstBlock: 4),
            TestSlice(tokens: [tokens[20]], startPosition: 20, promptTokenCount: 20),
            TestSlice(tokens: [5], firstBlock: 8, promptTokenCount: 0),
        ])
        return [prefill, decode, Array(mixed.joined())].map { rows in
            rows.map { $0.map(\.bitPattern) }
        }
    }

    private func runner(_ file: GGUFFile, _ storage: WeightStorage) throws -> ModelRunner {
        let team = try ThreadTeam(threadCount: 2)
        let model = try Model(file, team: team, storage: storage)
        return try ModelRunner(
            model, team: team, maxTokenCount: 64, kvBlockCount: 12 * model.kvGroups.count)
    }
}
