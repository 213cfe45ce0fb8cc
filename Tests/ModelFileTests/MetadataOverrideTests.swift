// SPDX-License-Identifier: Apache-2.0

import ModelFile
import Testing

struct MetadataOverrideTests {
    @Test(arguments: [
        ("a.b=int:-5", "a.b", MetadataValue.int64(-5)), ("a=float:1e-5", "a", .float64(1e-5)),
        ("a=float:3", "a", .float64(3)), ("a=bool:true", "a", .bool(true)),
        ("a=bool:false", "a", .bool(false)), ("a=str:", "a", .string([])),
        ("a=str:b=int:1:é", "a", .string(Array("b=int:1:é".utf8))),
    ])
    func `each type has its spelling`(text: String, key: String, value: MetadataValue) throws {
        let override = try #require(MetadataOverride(text))

        #expect(override.key == key)
        #expect(override.value == value)
    }

    @Test(arguments: [
        "", "a", "a=", "a=1", "a=int", "a=int:", "a=int:1.5", "a=int:9223372036854775808",
        "a=int: 1", "a=float:x", "a=float:nan", "a=float:1e999", "a=bool:1", "a=bool:True",
        "a=string:x", "a=INT:1", "=int:1", "a:int=1", "general.alignment=int:64",
        "split.count=int:1",
    ])
    func `other spellings are refused`(text: String) {
        #expect(MetadataOverride(text) == nil)
    }

    @Test func `an override replaces a value of any type in place, and adds what is absent`() throws
    {
        let temporary = try TemporaryFile(GGUFBuilder.sample().bytes)
        let plain = try GGUFFile(path: temporary.path)
        let overrides = ["u8=str:text", "new=int:7", "strings=bool:true"].compactMap {
            MetadataOverride($0)
        }

        let file = try GGUFFile(path: temporary.path, overrides: overrides)

        #expect(try file.string("u8") == "text")
        #expect(try file.bool("strings"))
        #expect(try file.int("new") == 7)
        #expect(file.metadataKeys == plain.metadataKeys + ["new"])
        #expect(file.metadata.count == file.metadataKeys.count)
        #expect(try file.int("i8") == -100)
        #expect(file.tensors == plain.tensors)
        let error = try #require(throws: ModelFileError.self) { try file.int("u8") }
        #expect(error.description.contains("key 'u8': wanted an integer, found string 'text'"))
    }
}
