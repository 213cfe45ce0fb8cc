// SPDX-License-Identifier: Apache-2.0

import Decoding
import Foundation
import ModelFile

/// A tiny float32 model of one family, and the logits that transformers computes from it.
struct TinyReference {
    static let families = [
        "bailingmoe2", "deepseek_v1", "deepseek_v2", "deepseek_v2_lite", "deepseek_v3",
        "deepseek_v3_yarn", "dots1", "ernie4_5_moe", "gemma3", "glm4_moe",
        "glm4_moe_air",
        "glm4_moe_lite", "gpt_oss", "gpt_oss_trunc",
        "granitemoe", "hunyuan_v1_moe", "llama",
        "llama4", "llama4_temperature", "llama_odd", "minimax_m2", "mixtral", "olmoe", "phimoe",
        "qwen2", "qwen2_moe",
        "qwen2_yarn", "qwen3", "qwen3_moe", "qwen3_moe_odd",
    ]

    /// The same families in files of another form: keys and values of a head in one tensor, layers for
    /// predicting further tokens.
    static let otherForms = ["deepseek_v3_unsplit", "glm4_moe_lite_mtp", "glm4_moe_mtp"]

    let file: GGUFFile
    let tokens: [Int32]
    /// [T, V]
    let logits: [[Float]]

    init(_ name: String) throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fixtures/tiny")
        file = try GGUFFile(path: folder.appending(path: "\(name).gguf").path)
        tokens = try JSONDecoder().decode(
            [Int32].self, from: Data(contentsOf: folder.appending(path: "\(name).ids.json")))
        let values = try Data(contentsOf: folder.appending(path: "\(name).logits.f32"))
            .withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        let vocabularySize = values.count / tokens.count
        logits = tokens.indices.map {
            Array(values[$0 * vocabularySize..<($0 + 1) * vocabularySize])
        }
    }
}

/// The largest |difference| relative to max(1, |reference|); infinite where the shapes differ.
func worstError(_ found: [[Float]], _ wanted: [[Float]]) -> Float {
    guard found.map(\.count) == wanted.map(\.count) else { return .infinity }
    var worst: Float = 0
    for (row, reference) in zip(found, wanted) {
        for (value, target) in zip(row, reference) {
            let error = abs(value - target) / max(1, abs(target))
            if !(error <= worst) { worst = error.isNaN ? .infinity : error }
        }
    }
    return worst
}

/// One sequence of a test step.
struct TestSlice {
    var tokens: [Int32]
    var startPosition = 0
    /// Its blocks are consecutive from here, in each group of layers.
    var firstBlock: Int32 = 0
    /// How many of the sequence's tokens, the first ones, were not generated.
    var promptTokenCount = Int.max
}

extension ModelRunner {
    /// Logits of every row: [slice][index][V].
    func logits(of slices: [TestSlice]) -> [[[Float]]] {
        for slice in slices {
            let blocks = (slice.startPosition + slice.tokens.count + 15) / 16
            let groupCount = Int32(model.kvGroups.count)
            append(
                tokens: slice.tokens, startPosition: slice.startPosition,
                promptTokenCount: slice.promptTokenCount,
                blockTables: (0..<groupCount).flatMap { group in
                    (0..<Int32(blocks)).map { (slice.firstBlock + $0) * groupCount + group }
                },
                logitsRowCount: slice.tokens.count)
        }
        var result = slices.map { Array(repeating: [Float](), count: $0.tokens.count) }
        let lock = NSLock()
        run { row in
            lock.withLock { result[row.slice][row.index] = Array(row.logits) }
        }
        return result
    }

    /// Logits of one sequence computed in chunks of `chunk` tokens.
    func logits(
        of tokens: [Int32], chunk: Int, firstBlock: Int32 = 0, promptTokenCount: Int = .max
    ) -> [[Float]] {
        stride(from: 0, to: tokens.count, by: chunk).flatMap { start in
            let end = min(start + chunk, tokens.count)
            return logits(of: [
                TestSlice(
                    tokens: Array(tokens[start..<end]), startPosition: start,
                    firstBlock: firstBlock, promptTokenCount: promptTokenCount)
            ])[0]
        }
    }
}

extension ModelRunner {
    /// Logits of `tokens` as `file` computes them, with float32 keys and values.
    static func logits(of tokens: [Int32], by file: GGUFFile) throws -> [[Float]] {
        let team = try ThreadTeam(threadCount: 2)
        let model = try Model(file, team: team)
        let runner = try ModelRunner(
            model, team: team, maxTokenCount: 64, kvBlockCount: 4 * model.kvGroups.count,
            kvType: .f32)
        return runner.logits(of: tokens, chunk: tokens.count)
    }
}
