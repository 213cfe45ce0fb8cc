// SPDX-License-Identifier: Apache-2.0

import ModelFile
import Testing

/// Each way to break the format, and the error that names it.
struct MalformedGGUFTests {
    private func defect(_ bytes: [UInt8]) throws -> (GGUFDefect, offset: Int) {
        let temporary = try TemporaryFile(bytes)
        let error = try #require(throws: ModelFileError.self) {
            try GGUFFile(path: temporary.path)
        }
        guard case .malformed(temporary.path, let offset, let defect) = error else { throw error }
        #expect(!error.isMissingInput)
        #expect(error.description.hasPrefix("'\(temporary.path)': at byte \(offset): "))
        return (defect, offset)
    }

    private func keyDefect(_ write: (inout GGUFBuilder) -> Void) throws -> GGUFDefect {
        var builder = GGUFBuilder(keyCount: 1)
        write(&builder)
        return try defect(builder.bytes).0
    }

    private func tensorDefect(
        count: UInt64 = 1, _ write: (inout GGUFBuilder) -> Void
    ) throws -> GGUFDefect {
        var builder = GGUFBuilder(tensorCount: count)
        write(&builder)
        builder.data(byteCount: 4096)
        return try defect(builder.bytes).0
    }

    @Test func `another magic number`() throws {
        #expect(try defect(Array("PK\u{3}\u{4}....".utf8)) == (.badMagic(found: 0x0403_4B50), 0))
        #expect(try defect(Array("ggjt....".utf8)).0 == .badMagic(found: 0x746A_6767))
    }

    @Test func `other versions, and big-endian files by name`() throws {
        #expect(try defect(GGUFBuilder(version: 0).bytes) == (.unsupportedVersion(0), 4))
        #expect(try defect(GGUFBuilder(version: 1).bytes) == (.unsupportedVersion(1), 4))
        #expect(try defect(GGUFBuilder(version: 4).bytes) == (.unsupportedVersion(4), 4))
        let bigEndian = try defect(GGUFBuilder(version: UInt32(3).byteSwapped).bytes)
        #expect(bigEndian == (.bigEndian(version: 3), 4))
    }

    @Test(arguments: [1 << 17 + 1, 1 << 31, 1 << 32, 1 << 63, UInt64.max] as [UInt64])
    func `counts that no file could hold`(count: UInt64) throws {
        let tensors = try defect(GGUFBuilder(tensorCount: count).bytes)
        #expect(tensors.offset == 8)
        #expect(tensors.0 == .countOverLimit(of: "tensors", found: count, limit: 1 << 17))

        let keys = try defect(GGUFBuilder(keyCount: count).bytes)
        #expect(keys.offset == 16)
        #expect(keys.0 == .countOverLimit(of: "keys", found: count, limit: 1 << 16))
    }

    @Test(arguments: [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12] as [UInt32])
    func `array counts that no file could hold`(type: UInt32) throws {
        for count in [1 << 24 + 1, 1 << 60, 1 << 61, 1 << 63, UInt64.max] as [UInt64] {
            let found = try keyDefect { $0.key("a", arrayType: type, count: count) }
            #expect(
                found == .countOverLimit(of: "array elements", found: count, limit: 1 << 24))
        }
    }

    @Test func `counts within the limits but beyond the file`() throws {
        let tensors = try defect(GGUFBuilder(tensorCount: 1 << 17).bytes)
        #expect(
            tensors.0 == .truncated(wanted: "tensors", wantedBytes: 24 << 17, foundBytes: 8))
        let strings = try keyDefect { $0.key("a", arrayType: 8, count: 1 << 24) }
        #expect(
            strings
                == .truncated(wanted: "array elements", wantedBytes: 8 << 24, foundBytes: 0))
    }

    @Test(arguments: [1 << 26 + 1, 1 << 32, 1 << 63, UInt64.max] as [UInt64])
    func `strings and names longer than their limits`(length: UInt64) throws {
        #expect(
            try keyDefect {
                $0.append(length)
                $0.append(UInt64(0))
            }
                == .stringTooLong(of: "a key", foundBytes: length, maxBytes: 65_535))
        #expect(
            try keyDefect { $0.key("a", type: 8, length) }
                == .stringTooLong(of: "a string", foundBytes: length, maxBytes: 1 << 26))
        #expect(
            try keyDefect {
                $0.key("a", arrayType: 8, count: 1)
                $0.append(length)
            } == .stringTooLong(of: "a string", foundBytes: length, maxBytes: 1 << 26))
        #expect(
            try tensorDefect { $0.append(length) }
                == .stringTooLong(of: "a tensor name", foundBytes: length, maxBytes: 256))
    }

    @Test func `unknown value types, nested arrays and bools beyond 1`() throws {
        #expect(
            try keyDefect { $0.key("a", type: 13, UInt64(0)) }
                == .unknownValueType(key: "a", found: 13))
        #expect(
            try keyDefect { $0.key("a", arrayType: 13, count: 0) }
                == .unknownValueType(key: "a", found: 13))
        #expect(
            try keyDefect { $0.key("a", arrayType: 9, count: 0) } == .nestedArray(key: "a"))
        #expect(
            try keyDefect { $0.key("a", type: 7, UInt8(2)) } == .invalidBool(key: "a", found: 2))
        #expect(
            try keyDefect { $0.key("a", arrayType: 7, [1, 255] as [UInt8]) }
                == .invalidBool(key: "a", found: 255))
    }

    @Test func `keys given twice, and names that are not text`() throws {
        var builder = GGUFBuilder(keyCount: 2)
        builder.key("a", type: 0, UInt8(1))
        builder.key("a", type: 0, UInt8(1))
        #expect(try defect(builder.bytes) == (.duplicateKey("a"), 38))
        let found = try keyDefect {
            $0.append(UInt64(1))
            $0.append(UInt8(0xFF))
            $0.append(UInt64(0))
        }
        #expect(found == .invalidText(of: "a key"))
    }

    @Test func `alignments that are no power of two, too small, or no uint32`() throws {
        for alignment in [0, 1, 4, 33, 96, UInt32.max] {
            let found = try keyDefect { $0.key("general.alignment", type: 4, alignment) }
            #expect(found == .badAlignment(found: "\(alignment)"))
        }
        #expect(
            try keyDefect { $0.key("general.alignment", type: 10, UInt64(32)) }
                == .badAlignment(found: "uint64"))
    }

    @Test func `dimensions that are zero, too large or too many`() throws {
        for dimension in [0, 1 << 31, 1 << 63, UInt64.max] as [UInt64] {
            #expect(
                try tensorDefect { $0.tensor("t", [1, dimension]) }
                    == .badDimension(tensor: "t", found: dimension))
        }
        #expect(
            try tensorDefect { $0.tensor("t", [1, 1, 1, 1, 1]) }
                == .badDimensionCount(tensor: "t", found: 5))
    }

    @Test func `products of dimensions that overflow`() throws {
        let most = UInt64(Int32.max)
        for dimensions in [[most, most, most], [most, most, most, most], [most, most, 2]] {
            #expect(
                try tensorDefect { $0.tensor("t", dimensions) } == .sizeOverflow(tensor: "t"))
        }
        let twoFits = try tensorDefect { $0.tensor("t", [most, most], type: 24) }
        #expect(
            twoFits
                == .tensorOutOfRange(
                    "t", start: 0, byteCount: 0x3FFF_FFFF_0000_0001, foundBytes: 4192))
    }

    @Test func `unknown tensor types, and rows that are not whole blocks`() throws {
        #expect(
            try tensorDefect { $0.tensor("t", [32], type: 31) }
                == .unknownTensorType(tensor: "t", found: 31))
        #expect(
            GGUFDefect.unknownTensorType(tensor: "t", found: 31).description
                == "tensor 't': wanted a known tensor type, found 31 (Q4_0_4_4)")
        #expect(
            try tensorDefect { $0.tensor("t", [128, 2], type: 12) }
                == .partialBlock(tensor: "t", rowLength: 128, type: .q4_K))
    }

    @Test func `tensors given twice, misplaced, outside the file or over one another`() throws {
        #expect(
            try tensorDefect(count: 2) {
                $0.tensor("t", [1])
                $0.tensor("t", [1], offset: 32)
            } == .duplicateTensor("t"))
        #expect(
            try tensorDefect { $0.tensor("t", [1], offset: 33) }
                == .misalignedTensor("t", offset: 33, alignment: 32))
        for offset in [4096, 1 << 40, 1 << 63, UInt64.max - 31] {
            #expect(
                try tensorDefect { $0.tensor("t", [1], offset: offset) }
                    == .tensorOutOfRange("t", start: offset, byteCount: 4, foundBytes: 4160))
        }
        #expect(
            try tensorDefect(count: 2) {
                $0.tensor("a", [16], offset: 64)
                $0.tensor("b", [17], offset: 0)
            } == .overlappingTensors("b", "a"))
    }

    @Test func `a tensor may end with the file`() throws {
        var builder = GGUFBuilder(tensorCount: 1)
        builder.tensor("t", [1024])
        builder.data(byteCount: 4096)
        let whole = try TemporaryFile(builder.bytes)
        #expect(try GGUFFile(path: whole.path).tensors.first?.byteCount == 4096)

        let found = try defect(builder.bytes.dropLast())
        #expect(
            found.0 == .tensorOutOfRange("t", start: 0, byteCount: 4096, foundBytes: 4159))
    }
}
