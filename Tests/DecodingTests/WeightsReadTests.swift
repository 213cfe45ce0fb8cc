// SPDX-License-Identifier: Apache-2.0

import Decoding
import ModelFile
import Testing

/// What a step says that it read, beside what the tensor directory says that it must have.
@Suite struct WeightsReadTests {
    /// Sequences of one token each: none sees another's, and each chooses its own experts.
    private static let batch = [5, 77, 300, 511, 900].enumerated().map { index, token in
        TestSlice(tokens: [Int32(token)], firstBlock: Int32(index))
    }

    @Test(arguments: TinyReference.families)
    func `one token reads all shared matrices, its experts' and its row of the embedding`(
        family: String
    ) throws {
        let file = try TinyReference(family).file
        let runner = try runner(file)

        _ = runner.logits(of: [TestSlice(tokens: [5])])

        let sizes = try WeightSizes(file)
        let expertCount = sizes.activeExpertCount * sizes.expertLayerCount
        #expect(runner.weightsRead.expertCount == expertCount)
        #expect(
            runner.weightsRead.byteCount
                == sizes.shared + sizes.output + expertCount * sizes.expert + sizes.embeddingRow)
    }

    @Test func `the output matrix is read for each 32 rows that need logits, and for no others`()
        throws
    {
        let file = try TinyReference("llama").file
        let sizes = try WeightSizes(file)
        let runner = try runner(file)
        for (logitsRowCount, outputCount) in [(0, 0), (1, 1), (32, 1), (33, 2)] {
            let before = runner.weightsRead.byteCount

            runner.append(
                tokens: Array(0..<40), startPosition: 0, blockTables: 0..<3,
                logitsRowCount: logitsRowCount)
            runner.run { _ in }

            #expect(
                runner.weightsRead.byteCount - before
                    == sizes.shared + 40 * sizes.embeddingRow + outputCount * sizes.output)
        }
    }

    @Test(arguments: ["mixtral", "qwen3_moe"])
    func `two that choose the same experts read them once`(family: String) throws {
        let file = try TinyReference(family).file
        let (alone, together) = (try runner(file), try runner(file))

        _ = alone.logits(of: [TestSlice(tokens: [9])])
        _ = together.logits(of: [TestSlice(tokens: [9]), TestSlice(tokens: [9], firstBlock: 1)])

        #expect(together.weightsRead.expertCount == alone.weightsRead.expertCount)
        #expect(
            together.weightsRead.byteCount
                == alone.weightsRead.byteCount + (try WeightSizes(file)).embeddingRow)
    }

    @Test(arguments: ["mixtral", "qwen3_moe"])
    func `a batch reads the union of what its rows choose`(family: String) throws {
        let file = try TinyReference(family).file
        let sizes = try WeightSizes(file)
        let choices = try self.choices(file, sizes)
        for choice in choices {
            #expect(choice.allSatisfy { $0.count == sizes.activeExpertCount })
        }
        let union = choices.map { $0.reduce(Set()) { $0.union($1) }.count }.reduce(0, +)
        let runner = try runner(file)

        _ = runner.logits(of: Self.batch)

        #expect(runner.weightsRead.expertCount == union)
        #expect(
            runner.weightsRead.byteCount
                == sizes.shared + sizes.output + union * sizes.expert
                + Self.batch.count * sizes.embeddingRow)
        // Some are shared and some are missed, or the union would be no test.
        let layerCount = sizes.expertLayerCount
        #expect(
            union < min(sizes.expertCount, Self.batch.count * sizes.activeExpertCount) * layerCount)
        #expect(union > sizes.activeExpertCount * layerCount)
    }

    /// Routers of random weights choose not quite evenly, over batches of 40 draws: up to 3 %. Norms,
    /// which the summary has and steps do not count, are under 1 %.
    private static let evenChoiceTolerance = 0.05

    @Test(arguments: ["mixtral", "olmoe", "qwen2_moe", "qwen3_moe"], [1, 2, 4, 8, 16, 32])
    func `random tokens read what even choices would`(family: String, batchCount: Int) throws {
        let file = try TinyReference(family).file
        let runner = try runner(file)
        var random = SplitMix64(state: UInt64(batchCount))
        let stepCount = 40

        for _ in 0..<stepCount {
            _ = runner.logits(
                of: (0..<batchCount).map {
                    TestSlice(
                        tokens: [Int32.random(in: 0..<1024, using: &random)], firstBlock: Int32($0))
                })
        }

        let measured = Double(runner.weightsRead.byteCount) / Double(stepCount)
        let expected =
            try ModelSummary(file).weightBytesRead(tokenCount: batchCount)
            + Double(batchCount * (try WeightSizes(file)).embeddingRow)
        #expect(abs(measured / expected - 1) < Self.evenChoiceTolerance)
    }

    /// [layer][row]: the experts without which the row's logits are others.
    private func choices(_ file: GGUFFile, _ sizes: WeightSizes) throws -> [[Set<Int>]] {
        let whole = try runner(file).logits(of: Self.batch)
        return try (0..<sizes.expertLayerCount).map { layer in
            var chosen = Array(repeating: Set<Int>(), count: Self.batch.count)
            for expert in 0..<sizes.expertCount {
                var model = try EditableModel(file)
                model.zeroExpert(expert, of: "blk.\(layer).ffn_down_exps.weight")
                let logits = try runner(model.opened()).logits(of: Self.batch)
                for row in chosen.indices where logits[row] != whole[row] {
                    chosen[row].insert(expert)
                }
            }
            return chosen
        }
    }

    private func runner(_ file: GGUFFile) throws -> ModelRunner {
        let team = try ThreadTeam(threadCount: 2)
        let model = try Model(file, team: team)
        return try ModelRunner(
            model, team: team, maxTokenCount: 64, kvBlockCount: 32 * model.kvGroups.count)
    }
}

/// Bytes of a float32 file's matrices in strips of 16 rows, from its tensor directory.
private struct WeightSizes {
    /// All that every step reads.
    var shared = 0
    /// The output matrix, the embedding's where the file has no other.
    var output = 0
    var embeddingRow = 0
    /// Gate, up and down of one expert.
    var expert = 0
    var expertCount = 0
    var activeExpertCount = 0
    var expertLayerCount = 0

    init(_ file: GGUFFile) throws {
        let summary = try ModelSummary(file)
        (expertCount, activeExpertCount) = (summary.expertCount, summary.activeExpertCount)
        for tensor in file.tensors {
            switch tensor.name {
            case "token_embd.weight": embeddingRow = tensor.rowBytes
            case "output.weight": output = Self.packed(tensor)
            case let name where name.hasPrefix("rope_") || name.hasSuffix("sinks.weight"): break
            case let name where name.contains("norm") || name.hasSuffix(".bias"): break
            case let name where name.hasSuffix("_exps.weight"): expert += Self.packed(tensor)
            case let name where name.hasSuffix("attn_k_b.weight"):
                // Tokens of a prompt need each head's map from the latent: the transpose.
                shared +=
                    tensor.shape[0]
                    * Self.packed(rows: tensor.shape[2], width: tensor.shape[1])
            case let name where name.hasSuffix("attn_qkv.weight"):
                // Queries, keys and values are packed apart; the model has twice as many query heads.
                let rows = tensor.rowCount / 4
                shared += [2 * rows, rows, rows].reduce(0) {
                    $0 + Self.packed(rows: $1, width: tensor.rowLength)
                }
            case let name where name.hasSuffix("attn_v_b.weight"):
                shared += tensor.shape[0] * Self.packed(tensor)
            default: shared += Self.packed(tensor)
            }
        }
        if output == 0, let embedding = file.tensor("token_embd.weight") {
            output = Self.packed(embedding)
        }
        expertLayerCount = file.tensors.count { $0.name.hasSuffix("ffn_down_exps.weight") }
        expert /= max(1, expertLayerCount)  // the same in every layer
    }

    /// One matrix of the tensor; a shared expert's gate is a row of its own.
    private static func packed(_ tensor: TensorDescription) -> Int {
        let rowCount = tensor.shape.count > 1 ? tensor.shape[tensor.shape.count - 2] : 1
        return packed(rows: rowCount, width: tensor.rowLength)
    }

    private static func packed(rows: Int, width: Int) -> Int { (rows + 15) / 16 * 16 * width * 4 }
}
