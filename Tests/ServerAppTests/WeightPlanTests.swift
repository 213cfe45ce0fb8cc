// SPDX-License-Identifier: Apache-2.0

import Decoding
import Foundation
import ModelFile
import Scheduling
import Testing

@testable import ServerApp

@Suite struct WeightPlanTests {
    private static func file(_ family: String) throws -> GGUFFile {
        let path = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fixtures/tiny/\(family).gguf").path
        return try GGUFFile(path: path)
    }

    private func plan(
        _ choice: WeightChoice, availableBytes: Int, kvBytes: Int = 1000, family: String = "olmoe"
    ) throws -> WeightPlan {
        try WeightPlan(
            choice, try Self.file(family), maxTokenCount: 8, threadCount: 2,
            memory: MemoryLimit(availableBytes: availableBytes, reason: "so much")
        ) { _ in kvBytes }
    }

    private func needs(_ storage: WeightStorage) throws -> Int {
        let needs = try ModelRequirements(
            try Self.file("olmoe"), storage: storage, maxTokenCount: 8, threadCount: 2)
        return needs.weightBytes + needs.scratchBytes
    }

    @Test func `weights are packed to the last byte that there is room for, then mapped`() throws {
        let packedBytes = try needs(.packed)
        let mappedBytes = try needs(.mapped)
        try #require(packedBytes > mappedBytes)

        let fitting = try plan(.auto, availableBytes: packedBytes + 1000)
        let short = try plan(.auto, availableBytes: packedBytes + 999)
        let tight = try plan(.auto, availableBytes: mappedBytes + 1000)

        #expect(fitting.storage == .packed && fitting.leftBytes == 1000)
        #expect(fitting.requirements.mappedWeightBytes == 0)
        #expect(short.storage == .mapped && short.leftBytes == packedBytes + 999 - mappedBytes)
        #expect(tight.storage == .mapped && tight.leftBytes == 1000)
        #expect(tight.requirements.mappedWeightBytes > 0)
        #expect(throws: ModelError.self) {
            try plan(.auto, availableBytes: mappedBytes + 999)
        }
    }

    @Test func `what is asked for is done or refused with the numbers`() throws {
        let packedBytes = try needs(.packed)
        let mappedBytes = try needs(.mapped)

        #expect(try plan(.mapped, availableBytes: 1 << 40).storage == .mapped)
        #expect(try plan(.packed, availableBytes: 1 << 40).storage == .packed)
        for (choice, bytes) in [(WeightChoice.packed, packedBytes), (.mapped, mappedBytes)] {
            let error = try #require(throws: ModelError.self) {
                try plan(choice, availableBytes: bytes, kvBytes: 3 << 30)
            }
            #expect("\(error)".contains("\(choice.rawValue) weights need"))
            #expect("\(error)".contains("at least 3.00 GiB; so much"))
        }
    }

    @Test func `the summary says what was chosen and why`() throws {
        #expect(
            try plan(.auto, availableBytes: 1 << 40).summary.hasPrefix(
                "weights: packed (they fit: so much), "))
        #expect(
            try plan(.packed, availableBytes: 1 << 40).summary.hasPrefix(
                "weights: packed (as asked), "))
        #expect(
            try plan(.mapped, availableBytes: 1 << 40).summary.hasPrefix(
                "weights: mapped (as asked), "))
        let short = try plan(.auto, availableBytes: try needs(.mapped) + 1000).summary
        #expect(short.hasPrefix("weights: mapped (packed weights need "))
        #expect(short.contains("so much), ") && short.contains(" mapped in the file"))
    }

    @Test func `a server's pool is sized by what the chosen storage leaves`() throws {
        let file = try Self.file("olmoe")
        var configuration = ServerConfiguration()
        let packed = try ModelRequirements(file, threadCount: 2)
        let mapped = try ModelRequirements(file, storage: .mapped, threadCount: 2)
        let blockBytes = packed.kvBlockBytes(.f16)
        func plan(_ availableBytes: Int) throws -> MemoryPlan {
            try Server.plan(
                configuration, file: file, threadCount: 2,
                memory: MemoryLimit(availableBytes: availableBytes, reason: "so much"))
        }
        let packedBytes = packed.weightBytes + packed.scratchBytes
        let mappedBytes = mapped.weightBytes + mapped.scratchBytes

        let fitting = try plan(packedBytes + 16 * blockBytes + 1)
        let short = try plan(packedBytes + 16 * blockBytes)

        #expect(fitting.storage == .packed && fitting.limits.kvBlockCount == 8)
        #expect(fitting.maxWorkingBytes == packed.scratchBytes + 16 * blockBytes + 1)
        let left = packedBytes + 16 * blockBytes - mappedBytes
        #expect(short.storage == .mapped && short.limits.kvBlockCount == left / 2 / blockBytes)
        #expect(short.maxWorkingBytes == mapped.scratchBytes + left)
        #expect(short.summary.contains(" mapped in the file"))
        #expect(throws: ServerError.self) { try plan(mappedBytes + 16 * blockBytes) }

        configuration.loading.weights = .packed
        #expect(throws: ServerError.self) { try plan(packedBytes + 16 * blockBytes) }
        configuration.loading.weights = .mapped
        #expect(try plan(1 << 40).storage == .mapped)
    }

    @Test func `what was decided is told before loading, and loading to its end`() throws {
        let log = Log()
        var loading = LoadingOptions()
        loading.weights = .mapped
        loading.planned = { log.append($0.storage.rawValue) }
        loading.report = { log.append("\($0.loadedBytes == $0.totalBytes)") }
        var options = BenchmarkOptions(threadCounts: [1])
        options.promptTokenCounts = [2]
        options.generatedTokenCounts = [2]
        options.repetitionCount = 1

        let report = try Benchmark(try Self.file("olmoe"), options, loading).run()

        #expect(log.lines == ["mapped", "true"])
        #expect(report.weights == .mapped)
        #expect(report.records.json.contains(#""weights":"mapped""#))
    }
}

/// What closures of a test were told, in order.
private final class Log: @unchecked Sendable {
    private let lock = NSLock()
    private var entries: [String] = []

    var lines: [String] { lock.withLock { entries } }
    func append(_ line: String) { lock.withLock { entries.append(line) } }
}
