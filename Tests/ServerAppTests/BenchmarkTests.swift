// SPDX-License-Identifier: Apache-2.0

import Decoding
import Foundation
import ModelFile
import Testing

@testable import ServerApp

@Suite(.serialized)
struct BenchmarkTests {
    private static func file(_ family: String) throws -> GGUFFile {
        let path = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fixtures/tiny/\(family).gguf").path
        return try GGUFFile(path: path)
    }

    @Test(arguments: ["qwen3_moe", "deepseek_v2", "gemma3"])
    func `every combination is one row of positive figures`(family: String) throws {
        var options = BenchmarkOptions(threadCounts: [1, 2])
        options.promptTokenCounts = [0, 5, 20]
        options.generatedTokenCounts = [3]
        options.batchCounts = [1, 4]
        options.depths = [18, 0, 33]
        options.repetitionCount = 3
        options.chunkTokenCount = 8

        let report = try Benchmark(try Self.file(family), options).run()

        let perDepth = ["pp5", "pp20", "tg3", "tg3 @ b4"]
        let names = [" @ d18", "", " @ d33"].flatMap { depth in perDepth.map { $0 + depth } }
        #expect(report.rows.map(\.test.name) == names + names)
        #expect(
            report.rows.map(\.threadCount)
                == Array(repeating: 1, count: 12) + Array(repeating: 2, count: 12))
        for row in report.rows {
            #expect(row.speeds.count == 3)
            #expect(row.speeds.allSatisfy { $0.isFinite && $0 > 0 })
            #expect(row.minimum <= row.median && row.median <= row.maximum)
            #expect(row.work.weightBytes > 0 && row.work.kvBytes > 0 && row.work.operations > 0)
            #expect(row.shareOfLimit.isFinite && row.shareOfLimit > 0)
        }
        // The same tokens read the same weights, whatever reads them.
        #expect(
            report.rows.prefix(12).map(\.work.weightBytes)
                == report.rows.suffix(12).map(\.work.weightBytes))
        #expect(report.table.split(separator: "\n").count { $0.hasPrefix("| ") } == 2 + 24)
    }

    @Test func `a context is computed once and extended for a deeper one`() throws {
        let team = try ThreadTeam(threadCount: 1)
        let model = try Model(try Self.file("llama"), team: team)
        let shallow = BenchmarkTest(kind: .decode, tokenCount: 2, batchCount: 2, depth: 8)
        let deep = BenchmarkTest(kind: .decode, tokenCount: 2, batchCount: 2, depth: 24)
        let layout = try BenchmarkLayout([shallow, deep], groupCount: model.kvGroups.count)
        let runner = try ModelRunner(
            model, team: team, maxTokenCount: 8, kvBlockCount: layout.blockCount)
        var sequences = BenchmarkSequences(runner: runner, layout: layout, chunkTokenCount: 8)
        func read(_ body: () -> Void) -> Int {
            let before = runner.weightsRead.byteCount
            body()
            return runner.weightsRead.byteCount - before
        }

        let first = read { sequences.prepare(shallow) }
        sequences.run(shallow)
        let again = read { sequences.prepare(shallow) }
        let extended = read { sequences.prepare(deep) }
        let shortened = read { sequences.prepare(shallow) }
        sequences.run(shallow)
        let restored = read { sequences.prepare(deep) }

        #expect(first > 0)
        #expect(again == 0 && shortened == 0)
        // Two steps of eight tokens for each step that the first context took.
        #expect(extended == 2 * first && restored == extended)
    }

    @Test func `each sequence has its own blocks, as many as its longest test needs`() throws {
        let tests = [
            BenchmarkTest(kind: .prefill, tokenCount: 100, batchCount: 1, depth: 0),
            BenchmarkTest(kind: .decode, tokenCount: 1, batchCount: 3, depth: 16),
            BenchmarkTest(kind: .decode, tokenCount: 16, batchCount: 2, depth: 32),
        ]

        let layout = try BenchmarkLayout(tests, groupCount: 2)

        #expect(layout.blocks == [0..<14, 14..<20, 20..<24])
        #expect(layout.blockCount == 24)
    }

    @Test func `what is too much to number is refused`() {
        let test = BenchmarkTest(
            kind: .decode, tokenCount: 1_000_000, batchCount: 1024, depth: 1_000_000)

        #expect(throws: ModelError.self) { try BenchmarkLayout([test], groupCount: 64) }
    }

    @Test func `keys and values that queries see count once a step`() throws {
        let file = try Self.file("llama")
        let model = try Model(file, team: ThreadTeam(threadCount: 1))
        let positionBytes = model.kvBlockBytes(.f16) / 16
        func positions(_ test: BenchmarkTest) throws -> Int {
            let work = BenchmarkWork(
                test, chunkTokenCount: 8, weightBytes: 0, model: model, kvType: .f16,
                parameters: .init(file, try ModelSummary(file)))
            return work.kvBytes / positionBytes
        }
        #expect(model.kvGroups == [.full])

        #expect(
            try positions(.init(kind: .decode, tokenCount: 3, batchCount: 4, depth: 10))
                == 4 * (11 + 12 + 13))
        #expect(
            try positions(.init(kind: .prefill, tokenCount: 20, batchCount: 1, depth: 10))
                == 18 + 26 + 30)
    }

    @Test func `layers with a window read no more than it`() throws {
        let file = try Self.file("gemma3")
        let model = try Model(file, team: ThreadTeam(threadCount: 1))
        let depth = 1000
        let test = BenchmarkTest(kind: .decode, tokenCount: 1, batchCount: 1, depth: depth)

        let work = BenchmarkWork(
            test, chunkTokenCount: 8, weightBytes: 0, model: model, kvType: .f16,
            parameters: .init(file, try ModelSummary(file)))

        let seen = model.kvGroups.map { span in
            if case .sliding(let length) = span { length } else { depth + 1 }
        }
        #expect(seen.contains { $0 < depth })
        #expect(work.kvBytes == model.kvBlockBytes(.f16) / 16 * seen.reduce(0, +))
    }

    @Test func `a prefill multiplies one row with the output matrix, a decode all`() throws {
        let file = try Self.file("llama")
        let model = try Model(file, team: ThreadTeam(threadCount: 1))
        let summary = try ModelSummary(file)
        let parameters = BenchmarkWork.Parameters(file, summary)
        func operations(_ kind: BenchmarkTest.Kind) -> Double {
            BenchmarkWork(
                .init(kind: kind, tokenCount: 10, batchCount: 1, depth: 0), chunkTokenCount: 8,
                weightBytes: 0, model: model, kvType: .f16, parameters: parameters
            ).operations
        }

        #expect(operations(.decode) == Double(20 * summary.activeParameterCount))
        #expect(operations(.decode) - operations(.prefill) == Double(18 * parameters.output))
        #expect(parameters.output == model.vocabularySize * 64)
    }

    @Test func `the middle of an even number of repetitions is between two`() {
        func median(_ speeds: [Double]) -> Double {
            BenchmarkRow(
                test: .init(kind: .decode, tokenCount: 1, batchCount: 1, depth: 0),
                threadCount: 1, limits: Self.limits, speeds: speeds,
                work: .init(weightBytes: 1, kvBytes: 0, operations: 1)
            ).median
        }

        #expect(median([3, 1, 2]) == 2)
        #expect(median([4, 1, 2, 3]) == 2.5)
    }

    @Test func `the longer of reading and multiplying binds`() {
        let limits = Self.limits
        let reading = BenchmarkWork(
            weightBytes: Int(limits.readBandwidth), kvBytes: Int(limits.readBandwidth),
            operations: limits.int8Operations)
        let multiplying = BenchmarkWork(
            weightBytes: 0, kvBytes: Int(limits.readBandwidth),
            operations: 3 * limits.int8Operations)

        #expect(Roofline(reading, limits).bound == .bandwidth)
        #expect(abs(Roofline(reading, limits).seconds - 2) < 1e-6)
        #expect(Roofline(multiplying, limits).bound == .int8)
        #expect(abs(Roofline(multiplying, limits).seconds - 3) < 1e-6)
    }

    private static let limits = MachineLimits(threadCount: 1)
}
