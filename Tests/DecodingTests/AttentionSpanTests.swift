// SPDX-License-Identifier: Apache-2.0

import Decoding
import ModelFile
import Testing

/// Layers that see part of a sequence need only that part.
@Suite struct AttentionSpanTests {
    @Test(arguments: ["gemma3", "gpt_oss", "llama4"], [1, 5, 48])
    func `blocks that no later query sees may be anyone's`(family: String, chunk: Int) throws {
        let reference = try TinyReference(family)
        let team = try ThreadTeam(threadCount: 2)
        let model = try Model(reference.file, team: team)
        func makeRunner() throws -> ModelRunner {
            try ModelRunner(
                model, team: team, maxTokenCount: 64, kvBlockCount: 8 * model.kvGroups.count)
        }
        let kept = try makeRunner().logits(of: reference.tokens, chunk: chunk)
        let runner = try makeRunner()
        var logits: [[Float]] = []

        for start in stride(from: 0, to: reference.tokens.count, by: chunk) {
            let end = min(start + chunk, reference.tokens.count)
            logits += runner.logits(
                of: reference.tokens[start..<end], at: start, others: 4)
            // Another sequence writes all over what has been given back.
            runner.overwrite(before: end, with: 150, others: 4)
        }

        #expect(logits == kept)
    }

    @Test func `the groups of layers are those that see alike, in blocks of one size`() throws {
        let team = try ThreadTeam(threadCount: 1)
        func groups(_ family: String) throws -> [AttentionSpan] {
            try Model(try TinyReference(family).file, team: team).kvGroups
        }

        #expect(try groups("llama") == [.full])
        #expect(try groups("deepseek_v3") == [.full])
        #expect(try groups("gpt_oss") == [.sliding(9), .sliding(9), .full])
        #expect(try groups("gemma3") == Array(repeating: .sliding(11), count: 6) + [.full])
        #expect(try groups("llama4") == [.chunked(16), .chunked(16), .chunked(16), .full])
    }

    @Test func `memory for a context is that of the windows where layers have them`() throws {
        // 7 layers of 2 heads of 14 and 16 values in float16, 16 positions to a block.
        let blockBytes = 16 * 2 * (14 + 16) * 2
        let needs = try ModelRequirements(try TinyReference("gemma3").file)

        #expect(needs.kvPositionBytes(.f16) == 7 * blockBytes / 16)
        #expect(needs.kvBytes(.f16, positionCount: 160) == (10 + 6 * 1) * blockBytes)
        // Positions 149 to 159 and 150 to 160: in one block, in two.
        #expect(needs.kvBytes(.f16, positionCount: 161) == (11 + 6 * 2) * blockBytes)
    }
}

extension ModelRunner {
    /// Logits of tokens whose block tables are 0 before what they see; blocks from `others` on are not theirs.
    fileprivate func logits(
        of tokens: ArraySlice<Int32>, at start: Int, others: Int32
    ) -> [[Float]] {
        append(
            tokens: tokens, startPosition: start,
            blockTables: tables(blockCount: (start + tokens.count + 15) / 16) { group, index in
                let first = model.kvGroups[group].firstPosition(for: start) / 16
                return index < first ? 0 : block(Int32(index), group)
            },
            logitsRowCount: tokens.count)
        return collect(tokens.count)
    }

    /// Computes a sequence in the blocks that hold only positions which no position from `end` on sees.
    fileprivate func overwrite(before end: Int, with token: Int32, others: Int32) {
        append(
            tokens: Array(repeating: token, count: 64), startPosition: 0,
            blockTables: tables(blockCount: 4) { group, index in
                let first = model.kvGroups[group].firstPosition(for: end) / 16
                return block(Int32(index) + (index < first ? 0 : others), group)
            },
            logitsRowCount: 0)
        run { _ in }
    }

    private func block(_ index: Int32, _ group: Int) -> Int32 {
        index * Int32(model.kvGroups.count) + Int32(group)
    }

    private func tables(blockCount: Int, _ block: (Int, Int) -> Int32) -> [Int32] {
        model.kvGroups.indices.flatMap { group in (0..<blockCount).map { block(group, $0) } }
    }

    private func collect(_ count: Int) -> [[Float]] {
        var result = Array(repeating: [Float](), count: count)
        let width = model.vocabularySize
        result.withUnsafeMutableBufferPointer { result in
            // Each row writes its own element.
            nonisolated(unsafe) let result = result
            run { row in result[row.index] = Array(row.logits.prefix(width)) }
        }
        return result
    }
}
