// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ServerApp

struct NumPyArchiveTests {
    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/NumPyArchive")

    private func open(_ name: String) throws -> NumPyArchive {
        try NumPyArchive(path: Self.folder.appendingPathComponent(name).path)
    }

    private func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: Self.folder.appendingPathComponent(name)))
    }

    @Test(arguments: ["stored.npz", "deflated.npz"])
    func `arrays of every type read as NumPy wrote them`(file: String) throws {
        let archive = try open(file)

        #expect(
            archive.names == [
                "half", "single", "double", "int", "long", "ushort", "uint", "scalar", "empty",
                "zeros",
            ])
        #expect(try archive.array("half").floats() == [0.5, -2, 65504])
        let single = try archive.array("single")
        #expect(single.shape == [2, 3])
        #expect(try single.floats() == [0, 0.25, 0.5, 0.75, 1, 1.25])
        #expect(try archive.array("double").floats() == [.infinity, -0.1])
        #expect(try archive.array("int").ints() == [-2_147_483_648, 2_147_483_647])
        let long = try archive.array("long")
        #expect(long.shape == [1, 2, 1])
        #expect(try long.ints() == [Int.min, Int.max])
        #expect(try archive.array("ushort").ints() == [0, 65535])
        #expect(try archive.array("uint").ints() == [0, 4_294_967_295])
        let scalar = try archive.array("scalar")
        #expect(scalar.shape == [])
        #expect(try scalar.floats() == [7])
        let empty = try archive.array("empty")
        #expect(empty.shape == [0, 4])
        #expect(try empty.floats() == [])
        #expect(try archive.array("zeros").floats() == [Float](repeating: 0, count: 100))
    }

    @Test(arguments: ["version1", "version2", "version3"])
    func `all three header versions read alike`(name: String) throws {
        let array = try open("versions.npz").array(name)

        #expect(array.shape == [2, 3])
        #expect(try array.floats() == [0, 0.25, 0.5, 0.75, 1, 1.25])
    }

    @Test(arguments: [
        ("fortran", "wanted elements in C order, found another order"),
        ("bigendian", "wanted an element type of <f2 <f4 <f8 <i4 <i8 <u2 <u4, found '>f4'"),
        ("complex", "wanted an element type of <f2 <f4 <f8 <i4 <i8 <u2 <u4, found '<c8'"),
        ("text", "wanted an element type of <f2 <f4 <f8 <i4 <i8 <u2 <u4, found '<U2'"),
        ("record", "wanted a string in the header, found '[('x', '<f4')], 'for'"),
    ])
    func `arrays of another kind are refused by name`(name: String, message: String) throws {
        let archive = try open("refused.npz")

        let error = #expect(throws: NumPyError.self) { try archive.array(name) }

        #expect(error?.isMissingInput == false)
        #expect(error?.description == "'\(archive.path)': array '\(name)': \(message)")
    }

    @Test func `an absent array, an absent file and another type are errors`() throws {
        let archive = try open("versions.npz")

        #expect(
            throws: NumPyError.missingArray(
                path: archive.path, name: "x", present: ["version1", "version2", "version3"])
        ) { try archive.array("x") }
        #expect(
            throws: NumPyError.badArray(
                path: archive.path, name: "version1", wanted: "integers", found: "<f4")
        ) { try archive.array("version1").ints() }
        let absent = #expect(throws: NumPyError.self) { try open("absent.npz") }
        #expect(absent?.isMissingInput == true)
        let folder = #expect(throws: NumPyError.self) { try open("") }
        #expect(folder?.isMissingInput == true)
    }

    /// Reads every array of an archive; false when any of it was refused.
    private func readsSoundly(_ bytes: [UInt8]) -> Bool {
        guard let archive = try? ZipArchive(bytes) else { return false }
        var isSound = true
        for name in archive.names {
            do throws(NumPyDefect) {
                let contents = try archive.contents(of: name) ?? []
                let array = try NumPyArray(contents, path: "", name: name)
                let values = (try? array.floats().count) ?? (try? array.ints().count)
                #expect(values == array.shape.reduce(1, *))
            } catch {
                #expect(!error.wanted.isEmpty && !error.found.isEmpty)
                isSound = false
            }
        }
        return isSound
    }

    @Test(arguments: ["deflated.npz", "versions.npz"])
    func `every prefix of an archive is refused`(file: String) throws {
        let whole = try bytes(file)
        #expect(readsSoundly(whole))

        for byteCount in whole.indices {
            #expect(!readsSoundly(Array(whole[..<byteCount])), "prefix of \(byteCount) bytes")
        }
    }

    @Test(arguments: [0x01, 0x04, 0x10, 0x80, 0xFF] as [UInt8])
    func `every byte flipped once is an error or reads soundly`(mask: UInt8) throws {
        for file in ["deflated.npz", "versions.npz"] {
            let whole = try bytes(file)
            var refusedCount = 0
            for offset in whole.indices {
                var damaged = whole
                damaged[offset] ^= mask
                refusedCount += readsSoundly(damaged) ? 0 : 1
            }
            #expect(refusedCount > whole.count / 3)
        }
    }

    @Test func `a promise of more than deflate can hold is refused before memory is taken`() throws
    {
        var archive = try bytes("deflated.npz")
        let entry = try #require(
            archive.indices.dropLast(4).first {
                archive[$0..<($0 + 4)].elementsEqual([0x50, 0x4B, 1, 2])
            })
        archive.replaceSubrange((entry + 24)..<(entry + 28), with: [0, 0, 0, 0x40])
        let damaged = try ZipArchive(archive)

        let error = #expect(throws: NumPyDefect.self) { try damaged.contents(of: "half.npy") }

        #expect(error?.wanted == "a deflated stream")
        #expect(error?.found.hasPrefix("1073741824 bytes out of") == true)
    }

    @Test func `zip64, several parts, encryption and oversized members are refused by name`() throws
    {
        let whole = try bytes("versions.npz")
        let end = whole.count - 22
        let entry = try #require(
            whole.indices.dropLast(4).first {
                whole[$0..<($0 + 4)].elementsEqual([0x50, 0x4B, 1, 2])
            })
        func found(_ offset: Int, _ bytes: [UInt8]) throws -> String {
            var damaged = whole
            damaged.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
            return try #require(throws: NumPyDefect.self) { try ZipArchive(damaged) }.found
        }

        #expect(try found(end + 16, [255, 255, 255, 255]) == "a zip64 one")
        #expect(try found(end + 10, [255, 255]) == "a zip64 one")
        #expect(try found(entry + 24, [255, 255, 255, 255]) == "a zip64 one")
        #expect(try found(end + 4, [1]) == "one of several")
        #expect(try found(entry + 8, [1]) == "an encrypted one")
        #expect(try found(entry + 24, [1, 0, 0, 0x40]) == "1073741825")
        #expect(try found(end + 10, [0, 0x20]) == "8192")
    }

    @Test(arguments: [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,",
        "{'descr': '<f4\\', 'fortran_order': False, 'shape': (1,)}",
        "",
    ])
    func `headers that lie or are no dictionary are refused`(dictionary: String) {
        let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n"
        #expect(throws: Never.self) { try NumPyArray(file(good), path: "", name: "") }

        #expect(throws: NumPyDefect.self) { try NumPyArray(file(dictionary), path: "", name: "") }
    }

    @Test func `elements must be as many as the shape says, no fewer and no more`() throws {
        let one = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}"
        let wrapped = "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 4611686018427387904)}"

        for elementBytes in [0, 3, 5, 8] {
            #expect(throws: NumPyDefect.self) {
                try NumPyArray(file(one, elementBytes: elementBytes), path: "", name: "")
            }
        }
        #expect(throws: NumPyDefect.self) {
            try NumPyArray(file(wrapped, elementBytes: 0), path: "", name: "")
        }
    }

    @Test func `an element changed since it was saved does not match its checksum`() throws {
        var bytes = try bytes("versions.npz")
        let header = try #require(bytes.firstRange(of: Array("'shape': (2, 3)".utf8)))
        let element =
            try #require(bytes[header.upperBound...].firstIndex(of: UInt8(ascii: "\n"))) + 4
        bytes[element] ^= 1
        let damaged = try ZipArchive(bytes)

        let error = #expect(throws: NumPyDefect.self) { try damaged.contents(of: "version1.npy") }

        #expect(error == NumPyDefect(wanted: "bytes that match the checksum", found: "others"))
    }

    @Test func `a cursor stops at its limit, not at the end of its bytes`() throws {
        var reader = LittleEndianReader([1, 2, 3, 4], limit: 3)
        #expect(try reader.integer(UInt16.self) == 0x0201)
        #expect(throws: NumPyDefect(wanted: "2 bytes at 2", found: "1")) { try reader.skip(2) }
        var outside = LittleEndianReader([1, 2, 3, 4], at: 4, limit: 3)
        #expect(throws: NumPyDefect(wanted: "0 bytes at 4", found: "0")) { try outside.skip(0) }
    }

    private func file(_ dictionary: String, elementBytes: Int = 4) -> [UInt8] {
        let text = Array(dictionary.utf8)
        let header = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.count), 0] + text
        return header + [UInt8](repeating: 0, count: elementBytes)
    }
}
