// SPDX-License-Identifier: Apache-2.0

import Decoding
import ModelFile
import Testing

/// Contexts of several segments, each of 64 positions here.
@Suite struct AttentionSegmentTests {
    private static let promptCount = 300
    private static let length = 330

    private let tokens = (0..<length).map { (position: Int) -> Int32 in
        let mixed: Int = position * position * 7 + position / 3
        return Int32(mixed % 150 + 5)
    }

    /// Logits of all positions: the prompt in chunks, then token by token.
    private func logits(
        _ family: String, segmentLength: Int, threadCount: Int, chunk: Int
    ) throws -> [[Float]] {
        let team = try ThreadTeam(threadCount: threadCount)
        let model = try Model(try TinyReference(family).file, team: team)
        let groupCount = model.kvGroups.count
        let blockCount = (Self.length + 15) / 16
        let runner = try ModelRunner(
            model, team: team, maxTokenCount: 64, kvBlockCount: blockCount * groupCount,
            attentionSegmentLength: segmentLength)
        var result = Array(repeating: [Float](), count: Self.length)
        var start = 0
        while start < Self.length {
            let count = start < Self.promptCount ? min(chunk, Self.promptCount - start) : 1
            runner.append(
                tokens: tokens[start..<start + count], startPosition: start,
                promptTokenCount: Self.promptCount, blockTables: 0..<Int32(blockCount * groupCount),
                logitsRowCount: count)
            result.withUnsafeMutableBufferPointer { result in
                // Each row writes its own element.
                nonisolated(unsafe) let result = result
                let first = start
                runner.run { result[first + $0.index] = Array($0.logits) }
            }
            start += count
        }
        return result
    }

    /// Grouped heads, windows beside layers that see everything, sinks. Four threads share one sequence's
    /// segments; one and two visit them in turn.
    @Test(arguments: ["qwen3_moe", "gemma3", "gpt_oss"])
    func `results do not depend on who computes which segment`(family: String) throws {
        let alone = try logits(family, segmentLength: 64, threadCount: 1, chunk: 64)

        for (threadCount, chunk) in [(2, 64), (8, 64), (8, 7), (1, 1)] {
            let shared = try logits(
                family, segmentLength: 64, threadCount: threadCount, chunk: chunk)
            #expect(shared == alone, "\(threadCount) threads, chunks of \(chunk)")
        }
    }

    @Test(arguments: ["qwen3_moe", "gemma3", "gpt_oss"])
    func `segments give what all positions at once give`(family: String) throws {
        let whole = try logits(family, segmentLength: 1024, threadCount: 1, chunk: 64)
        let cut = try logits(family, segmentLength: 64, threadCount: 8, chunk: 64)

        // Weights are int8 or float32 and keys BF16: differences of the last bits may cross a rounding.
        for (a, b) in zip(whole.joined(), cut.joined()) {
            try #require(abs(a - b) <= 0.02 * max(1, abs(a)))
        }
        #expect(whole != cut)
    }
}
