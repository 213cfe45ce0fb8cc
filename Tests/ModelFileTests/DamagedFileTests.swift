// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ModelFile

@Suite struct DamagedFileTests {
    /// A file with one tensor that takes many pages, each byte of which is 7.
    private static func file() throws -> TemporaryFile {
        var builder = GGUFBuilder(tensorCount: 1, keyCount: 1)
        builder.key("general.architecture", "llama")
        builder.tensor("weight", [1 << 18])
        builder.data(byteCount: 0)
        return try TemporaryFile(builder.bytes + [UInt8](repeating: 7, count: 1 << 20))
    }

    private func opened(_ file: TemporaryFile) throws -> (GGUFFile, UnsafeRawBufferPointer) {
        let opened = try GGUFFile(path: file.path)
        return (opened, opened.bytes(of: try #require(opened.tensor("weight"))))
    }

    @Test func `what is read beyond a shortened file's end is zeros and an error`() throws {
        let file = try Self.file()
        let (model, bytes) = try opened(file)
        #expect(bytes[bytes.count - 1] == 7)
        #expect(model.damage == nil)

        try file.truncate(to: 300_000)

        #expect(bytes[0] == 7)
        #expect(bytes[400_000] == 0)
        #expect(bytes.reduce(0) { $0 + Int($1) } < bytes.count * 7)
        let damage = try #require(model.damage)
        #expect("\(damage)".contains("shortened from"))
        #expect("\(damage)".contains(file.path))
    }

    @Test func `a shortened file stays damaged when it grows again`() throws {
        let file = try Self.file()
        let (model, bytes) = try opened(file)
        try file.truncate(to: 100_000)
        #expect(bytes[bytes.count - 1] == 0)

        try file.truncate(to: model.byteCount)

        #expect(model.damage != nil)
    }

    @Test func `threads that read at once all go on`() throws {
        let file = try Self.file()
        let (model, bytes) = try opened(file)
        try file.truncate(to: 100_000)
        nonisolated(unsafe) let tensor = bytes

        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            precondition(tensor[200_000...].allSatisfy { $0 == 0 })
        }

        #expect(model.damage != nil)
    }

    @Test func `a file that is written to is damaged`() throws {
        let file = try Self.file()
        let (model, _) = try opened(file)

        try file.overwrite([1, 2, 3], at: 500_000)

        #expect("\(try #require(model.damage))".contains("written to"))
    }

    @Test func `a file that is replaced by another of its name stays what it was`() throws {
        let file = try Self.file()
        let (model, bytes) = try opened(file)
        let other = file.path + ".new"
        try Data([1, 2, 3]).write(to: URL(filePath: other))

        #expect(rename(other, file.path) == 0)

        #expect(bytes.allSatisfy { $0 == 7 })
        #expect(model.damage == nil)
    }

    @Test func `what was open leaves room for others`() throws {
        let file = try Self.file()
        for _ in 0..<5000 { _ = try GGUFFile(path: file.path) }
    }
}
