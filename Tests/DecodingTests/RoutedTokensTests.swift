// SPDX-License-Identifier: Apache-2.0

import Decoding
import ModelFile
import Testing

/// What `RoutedTokens` counts, beside what went through the layers.
@Suite struct RoutedTokensTests {
    private static let expertFamilies = TinyReference.families.filter {
        !["gemma3", "llama", "llama_odd", "qwen2", "qwen2_yarn", "qwen3"].contains($0)
    }

    @Test(arguments: expertFamilies)
    func `each layer with experts counts every token as often as it visits one`(
        family: String
    ) throws {
        let reference = try TinyReference(family)
        let summary = try ModelSummary(reference.file)
        let runner = try runner(reference.file)

        _ = runner.logits(of: reference.tokens, chunk: reference.tokens.count)

        let routed = runner.routedTokens
        #expect(routed.activeExpertCount == summary.activeExpertCount)
        #expect(routed.layers.map(\.index) == expertLayers(of: reference.file))
        for layer in routed.layers {
            #expect(layer.tokenCounts.count == summary.expertCount)
            #expect(
                layer.tokenCounts.reduce(0, +)
                    == reference.tokens.count * summary.activeExpertCount)
        }
    }

    @Test(arguments: ["mixtral", "qwen3_moe", "deepseek_v3", "llama4"])
    func `chunks and company change nothing of what is counted`(family: String) throws {
        let reference = try TinyReference(family)
        let tokens = reference.tokens
        let other = Array(tokens.reversed())
        let whole = try runner(reference.file)
        _ = whole.logits(of: tokens, chunk: tokens.count)
        _ = whole.logits(of: other, chunk: other.count, firstBlock: 4)
        let pieces = try runner(reference.file)
        let half = tokens.count / 2

        _ = pieces.logits(of: tokens, chunk: 1)
        _ = pieces.logits(of: [
            TestSlice(tokens: Array(other[..<half]), firstBlock: 8)
        ])
        _ = pieces.logits(of: [
            TestSlice(tokens: tokens, firstBlock: 4),
            TestSlice(tokens: Array(other[half...]), startPosition: half, firstBlock: 8),
        ])

        // The first sequence went through twice, once in single tokens and once beside the other.
        _ = whole.logits(of: tokens, chunk: 7, firstBlock: 8)
        #expect(pieces.routedTokens.layers == whole.routedTokens.layers)
    }

    @Test func `one token wakes the experts without which its logits are others`() throws {
        let file = try TinyReference("qwen3_moe").file
        let slice = [TestSlice(tokens: [9])]
        let runner = try runner(file)
        let logits = runner.logits(of: slice)

        let layer = try #require(runner.routedTokens.layers.last)

        for expert in layer.tokenCounts.indices {
            var model = try EditableModel(file)
            model.zeroExpert(expert, of: "blk.\(layer.index).ffn_down_exps.weight")
            let differs = try self.runner(model.opened()).logits(of: slice) != logits
            #expect(layer.tokenCounts[expert] == (differs ? 1 : 0))
        }
    }

    @Test func `a dense model has no layers to count for`() throws {
        let reference = try TinyReference("llama")
        let runner = try runner(reference.file)

        _ = runner.logits(of: reference.tokens, chunk: 8)

        #expect(runner.routedTokens.layers.isEmpty)
        #expect(runner.routedTokens.activeExpertCount == 0)
    }

    private func expertLayers(of file: GGUFFile) -> [Int] {
        file.tensors.filter { $0.name.hasSuffix("ffn_down_exps.weight") }
            .compactMap { Int($0.name.split(separator: ".")[1]) }.sorted()
    }

    private func runner(_ file: GGUFFile) throws -> ModelRunner {
        let team = try ThreadTeam(threadCount: 2)
        let model = try Model(file, team: team)
        return try ModelRunner(
            model, team: team, maxTokenCount: 128, kvBlockCount: 16 * model.kvGroups.count)
    }
}
