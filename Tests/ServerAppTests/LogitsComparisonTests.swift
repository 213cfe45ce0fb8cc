// SPDX-License-Identifier: Apache-2.0

import Decoding
import Foundation
import ModelFile
import Testing

@testable import ServerApp

struct LogitsComparisonTests {
    /// float32 sums in another order than PyTorch's.
    private static let tolerance = 2e-5

    /// A tiny model's file and transformers' logits, as tests change them.
    private struct Reference {
        let file: GGUFFile
        var ids: [Int64]
        /// [N, V], row-major.
        var logits: [Float]
        var vocabularySize: Int

        init(_ name: String) throws {
            let folder = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../Fixtures/tiny")
            file = try GGUFFile(path: folder.appending(path: "\(name).gguf").path)
            ids = try JSONDecoder().decode(
                [Int64].self, from: Data(contentsOf: folder.appending(path: "\(name).ids.json")))
            logits = try Data(contentsOf: folder.appending(path: "\(name).logits.f32"))
                .withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
            vocabularySize = logits.count / ids.count
        }

        /// The comparison that an archive of these arrays makes.
        func comparison() throws -> LogitsComparison {
            var writer = NumPyWriter()
            writer.add(
                "ids", type: "<i8", shape: [ids.count], bytes: ids.withUnsafeBytes { Array($0) })
            writer.add(
                "logits", type: "<f4", shape: [logits.count / vocabularySize, vocabularySize],
                bytes: logits.withUnsafeBytes { Array($0) })
            let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).npz")
            defer { try? FileManager.default.removeItem(at: url) }
            try Data(writer.archive).write(to: url)
            return try LogitsComparison(NumPyArchive(path: url.path))
        }

        func run(chunk: Int = 512) throws -> LogitsComparison.Result {
            try comparison().run(file, threadCount: 2, kvType: .f32, chunkTokenCount: chunk)
        }
    }

    @Test(arguments: ["mixtral", "qwen3_moe_odd"], [512, 48, 7, 1])
    func `transformers' logits are met in chunks of any length`(family: String, chunk: Int) throws {
        let result = try Reference(family).run(chunk: chunk)

        #expect(result.positionCount == 48)
        #expect(result.worstDifference < Self.tolerance)
        #expect(result.meanDifference > 0 && result.meanDifference < result.worstDifference / 2)
        #expect(result.topAgreement == 1)
    }

    @Test func `a difference counts relative to a reference above 1, and is averaged over all`()
        throws
    {
        var reference = try Reference("mixtral")
        let unchanged = try reference.run()
        let small = try #require(reference.logits.firstIndex { abs($0) < 0.5 })
        reference.logits[small] += 0.25
        #expect(abs(try reference.run().worstDifference - 0.25) < Self.tolerance)

        let place = 10 * reference.vocabularySize + 3
        reference.logits[place] += 1000
        let result = try reference.run()

        let relative = 1000 / Double(reference.logits[place])
        #expect(abs(result.worstDifference - relative) < Self.tolerance)
        let added = result.meanDifference - unchanged.meanDifference
        let mean = (0.25 + relative) / Double(reference.logits.count)
        #expect(abs(added / mean - 1) < 0.01)
        #expect(result.topAgreement == 47.0 / 48)
    }

    @Test func `a reference that is no number is the worst of all`() throws {
        var reference = try Reference("mixtral")
        reference.logits[1] = .nan

        #expect(try reference.run().worstDifference == .infinity)
    }

    @Test func `shapes that do not belong together are refused`() throws {
        var fewer = try Reference("mixtral")
        fewer.ids.removeLast()
        let error = try #require(throws: NumPyError.self) { try fewer.comparison() }
        #expect("\(error)".hasSuffix("wanted ids [N] and logits [N, V], found [47] and [48, 1024]"))

        var empty = try Reference("mixtral")
        (empty.ids, empty.logits) = ([], [])
        #expect(throws: NumPyError.self) { try empty.comparison() }
    }

    @Test func `a reference of another vocabulary or beyond the context is refused`() throws {
        var other = try Reference("mixtral")
        other.vocabularySize = 512
        other.ids += other.ids
        #expect(throws: ModelError.self) { try other.run() }

        for id in [-1, 1024, 1 << 40] as [Int64] {
            var outside = try Reference("mixtral")
            outside.ids[5] = id
            #expect(throws: ModelError.self) { try outside.run() }
        }

        var long = try Reference("mixtral")
        let contextLength = try ModelRequirements(long.file).contextLength
        long.ids = Array(repeating: 1, count: contextLength + 1)
        long.logits = Array(repeating: 0, count: long.ids.count * long.vocabularySize)
        #expect(throws: ModelError.self) { try long.run() }
    }
}
