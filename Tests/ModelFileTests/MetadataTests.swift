// SPDX-License-Identifier: Apache-2.0

import ModelFile
import Testing

struct MetadataTests {
    private let temporary: TemporaryFile
    private let file: GGUFFile

    init() throws {
        temporary = try TemporaryFile(GGUFBuilder.sample().bytes)
        file = try GGUFFile(path: temporary.path)
    }

    @Test func `an integer of any width is an int`() throws {
        #expect(try file.int("u8") == 200)
        #expect(try file.int("i8") == -100)
        #expect(try file.int("u16") == 60_000)
        #expect(try file.int("i16") == -30_000)
        #expect(try file.int("u32") == 4_294_967_295)
        #expect(try file.int("i32") == -2_147_483_648)
        #expect(try file.int("i64") == Int.min)
        #expect(try file.ints("u8s") == [1, 2, 3])
        #expect(try file.ints("i32s") == [4, -5])
    }

    @Test func `floats, bools and strings come in their types`() throws {
        #expect(try file.float("f32") == 0.5)
        #expect(try file.float("f64") == 0.25)
        #expect(try file.floats("f32s") == [1.5])
        #expect(try file.floats("f64s") == [2.5])
        #expect(try file.bool("yes"))
        #expect(try file.bools("bools") == [true, false])
        #expect(try file.string("text") == "héllo")
        #expect(try file.strings("strings") == ["", "a", "世界"])
        #expect(try file.strings("empty") == [])
    }

    @Test func `an absent key is nil where it may be absent`() throws {
        #expect(try file.intIfPresent("absent") == nil)
        #expect(try file.floatIfPresent("absent") == nil)
        #expect(try file.boolIfPresent("absent") == nil)
        #expect(try file.stringIfPresent("absent") == nil)
        #expect(try file.intsIfPresent("absent") == nil)
        #expect(try file.floatsIfPresent("absent") == nil)
        #expect(try file.boolsIfPresent("absent") == nil)
        #expect(try file.stringsIfPresent("absent") == nil)
        #expect(try file.intOrIntsIfPresent("absent", count: 2) == nil)
    }

    @Test func `an absent key that is needed is an error naming key and type`() throws {
        let error = #expect(throws: ModelFileError.self) { try file.int("absent") }

        #expect(
            error == .missingKey(path: temporary.path, key: "absent", wanted: "an integer"))
        #expect(error?.isMissingInput == false)
        #expect(
            error?.description
                == "'\(temporary.path)': key 'absent': wanted an integer, found no such key")
    }

    @Test func `a value of another type is an error even where the key may be absent`() throws {
        let error = #expect(throws: ModelFileError.self) { try file.intIfPresent("text") }

        #expect(
            error?.description
                == "'\(temporary.path)': key 'text': wanted an integer, found string 'héllo'")
        #expect(throws: ModelFileError.self) { try file.int("f32") }
        #expect(throws: ModelFileError.self) { try file.float("u32") }
        #expect(throws: ModelFileError.self) { try file.bool("u8") }
        #expect(throws: ModelFileError.self) { try file.string("strings") }
        #expect(throws: ModelFileError.self) { try file.strings("text") }
        #expect(throws: ModelFileError.self) { try file.ints("f32s") }
        #expect(throws: ModelFileError.self) { try file.floats("i32s") }
        #expect(throws: ModelFileError.self) { try file.bools("u8s") }
    }

    @Test func `an integer beyond Int is an error, alone and in an array`() throws {
        let error = #expect(throws: ModelFileError.self) { try file.int("u64") }

        #expect(error?.description.contains("found uint64 18446744073709551615") == true)
        #expect(throws: ModelFileError.self) { try file.ints("u64s") }
    }

    @Test func `one integer stands for every layer, an array must have one for each`() throws {
        #expect(try file.intOrInts("u8", count: 3) == [200, 200, 200])
        #expect(try file.intOrInts("u8s", count: 3) == [1, 2, 3])
        let error = #expect(throws: ModelFileError.self) { try file.intOrInts("u8s", count: 4) }
        #expect(error?.description.contains("found array of 3 uint8") == true)
    }

    @Test func `values print on one line`() throws {
        #expect(file.metadata["u64"]?.description == "18446744073709551615")
        #expect(file.metadata["i64"]?.description == "-9223372036854775808")
        #expect(file.metadata["yes"]?.description == "true")
        #expect(file.metadata["strings"]?.description == "array of 3 string")
        #expect(MetadataValue.string(Array("a\nb\u{202E}".utf8)).description == "'a\\nb\\u{202E}'")
        let long = MetadataValue.string([UInt8](repeating: 65, count: 10_000)).description
        #expect(long.count == 203)
        #expect(long.hasSuffix("A…'"))
    }
}
