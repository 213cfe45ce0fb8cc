// SPDX-License-Identifier: Apache-2.0

import Foundation
import ModelFile
import Testing

/// Damaged files in bulk: each is an error of one line or reads soundly, in bounded memory.
struct HostileGGUFTests {
    /// Opens the file and reads all that it offers; false when it was refused, by name.
    private func opensSoundly(_ path: String, parts: [String]? = nil) throws -> Bool {
        let file: GGUFFile
        do throws(ModelFileError) {
            file = try GGUFFile(path: path)
        } catch {
            #expect((parts ?? [path]).contains { error.description.hasPrefix("'\($0)': ") })
            #expect(!error.description.contains { $0.isNewline })
            return false
        }
        var sum = 0
        for tensor in file.tensors {
            let bytes = file.bytes(of: tensor)
            #expect(bytes.count == tensor.rowCount * tensor.rowBytes)
            sum += Int(bytes.first ?? 0) + Int(bytes.last ?? 0)
        }
        for key in file.metadataKeys {
            sum += try #require(file.metadata[key]).description.count
            _ = try? file.intOrIntsIfPresent(key, count: 3)
            _ = try? file.stringsIfPresent(key)
        }
        return sum >= 0
    }

    @Test func `every prefix of a file is refused`() throws {
        let sample = GGUFBuilder.sample()
        let temporary = try TemporaryFile(sample.bytes)
        #expect(try opensSoundly(temporary.path))

        for byteCount in sample.bytes.indices.reversed() {
            try temporary.truncate(to: byteCount)
            #expect(try !opensSoundly(temporary.path), "prefix of \(byteCount) bytes")
        }
    }

    @Test func `prefixes of a real file are refused`() throws {
        let url = fixtures.appendingPathComponent("tiny/llama.gguf")
        let temporary = try TemporaryFile(try Data(contentsOf: url))
        #expect(try opensSoundly(temporary.path))

        for byteCount in stride(from: 799_455, to: 28_128, by: -9_973) {
            try temporary.truncate(to: byteCount)
            #expect(try !opensSoundly(temporary.path), "prefix of \(byteCount) bytes")
        }
        for byteCount in stride(from: 28_128, through: 0, by: -97) {
            try temporary.truncate(to: byteCount)
            #expect(try !opensSoundly(temporary.path), "prefix of \(byteCount) bytes")
        }
    }

    @Test(arguments: [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF] as [UInt8])
    func `every byte of the header flipped once is an error or reads soundly`(
        mask: UInt8
    ) throws {
        let sample = GGUFBuilder.sample()
        let temporary = try TemporaryFile(sample.bytes)
        var refusedCount = 0

        for offset in 0..<sample.headerByteCount {
            try temporary.overwrite([sample.bytes[offset] ^ mask], at: offset)
            refusedCount += try opensSoundly(temporary.path) ? 0 : 1
            try temporary.overwrite([sample.bytes[offset]], at: offset)
        }

        #expect(refusedCount > sample.headerByteCount / 4)
        #expect(try opensSoundly(temporary.path))
    }

    @Test(
        arguments: [1 << 31, 1 << 32, 1 << 61, 1 << 63, UInt64.max, 1 << 16, 1 << 24] as [UInt64])
    func `every eight bytes set to a huge number are an error or read soundly`(
        number: UInt64
    ) throws {
        let sample = GGUFBuilder.sample()
        let temporary = try TemporaryFile(sample.bytes)
        let huge = withUnsafeBytes(of: number.littleEndian) { Array($0) }
        var refusedCount = 0

        for offset in 0..<(sample.headerByteCount - 8) {
            try temporary.overwrite(huge, at: offset)
            refusedCount += try opensSoundly(temporary.path) ? 0 : 1
            try temporary.overwrite(Array(sample.bytes[offset..<(offset + 8)]), at: offset)
        }

        #expect(refusedCount > sample.headerByteCount / 2)
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `files damaged in several places are errors or read soundly`(seed: UInt64) throws {
        var random = SplitMix64(state: seed)
        let sample = GGUFBuilder.sample()
        let temporary = try TemporaryFile(sample.bytes)
        var refusedCount = 0

        for _ in 0..<500 {
            var bytes = sample.bytes
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let offset = Int.random(in: 8..<sample.headerByteCount, using: &random)
                bytes[offset] = [0, 1, 8, 9, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
            }
            try temporary.overwrite(bytes)
            refusedCount += try opensSoundly(temporary.path) ? 0 : 1
        }

        #expect((100...500).contains(refusedCount))
    }

    @Test(arguments: 0..<3)
    func `every prefix of a part of a split model is refused`(part: Int) throws {
        let model = try SplitModel()
        let bytes = model.parts[part].bytes
        #expect(try opensSoundly(model.path))

        for byteCount in bytes.indices.reversed() {
            try model.files[part].truncate(to: byteCount)
            #expect(
                try !opensSoundly(model.path, parts: model.files.map(\.path)),
                "prefix of \(byteCount) bytes")
        }
    }

    @Test(arguments: 0..<3, [0x01, 0x04, 0x20, 0x80, 0xFF] as [UInt8])
    func `every byte of a part's header flipped once is an error or reads soundly`(
        part: Int, mask: UInt8
    ) throws {
        let model = try SplitModel()
        let (bytes, headerByteCount) = model.parts[part]
        let paths = model.files.map(\.path)
        var refusedCount = 0

        for offset in 0..<headerByteCount {
            try model.files[part].overwrite([bytes[offset] ^ mask], at: offset)
            refusedCount += try opensSoundly(model.path, parts: paths) ? 0 : 1
            try model.files[part].overwrite([bytes[offset]], at: offset)
        }

        #expect(refusedCount > headerByteCount / 2)
        #expect(try opensSoundly(model.path))
    }

    @Test func `a header that goes on for ever is refused at its limit`() throws {
        var builder = GGUFBuilder(keyCount: 4)
        builder.key("a", type: 8, UInt64(63 << 20))
        let temporary = try TemporaryFile(builder.bytes)
        try temporary.truncate(to: 1 << 40)  // sparse: takes no room on the disk
        for index in 1...2 {
            var next = GGUFBuilder()
            let start = next.bytes.count
            next.key("key \(index)", type: 8, UInt64(63 << 20))
            let place = builder.bytes.count + (63 << 20) + (index - 1) * (25 + 63 << 20)
            try temporary.overwrite(Array(next.bytes[start...]), at: place)
        }

        let error = #expect(throws: ModelFileError.self) { try GGUFFile(path: temporary.path) }

        guard case .malformed(_, _, .headerTooLong(maxBytes: 134_217_728)) = error else {
            Issue.record("found \(String(describing: error))")
            return
        }
    }
}

/// A small seeded generator (Steele, Lea and Flood, 2014).
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
