// SPDX-License-Identifier: Apache-2.0

import Foundation
import ModelFile
import Testing

struct GGUFFileTests {
    @Test(arguments: [
        "tiny/llama.gguf", "ModelFile/every-type.gguf", "ModelFile/split-00001-of-00003.gguf",
    ])
    func `keys, values, shapes, places and bytes are those that gguf-py reads`(
        name: String
    ) throws {
        let recorded = try #require(try Recording.load().files[name])

        let file = try GGUFFile(path: fixtures.appendingPathComponent(name).path)

        #expect(file.version == 3)
        #expect(file.alignment == recorded.alignment)
        let keys = file.metadataKeys.map { key in
            file.metadata[key].map { RecordedFile.Key(key: key, $0) }
        }
        #expect(keys == recorded.keys)
        #expect(file.metadata.count == recorded.keys.count)
        #expect(file.tensors.map { RecordedFile.Tensor($0, in: file) } == recorded.tensors)
    }

    @Test func `names and block sizes of all tensor types are those of gguf-py`() throws {
        let types = TensorType.allCases.map {
            Recording.BlockType(
                name: $0.name, number: $0.rawValue, blockLength: $0.blockLength,
                blockBytes: $0.blockBytes)
        }

        #expect(types == (try Recording.load().types))
    }

    @Test(arguments: [2, 3] as [UInt32])
    func `versions 2 and 3 read alike`(version: UInt32) throws {
        let temporary = try TemporaryFile(GGUFBuilder.sample(version: version).bytes)

        let file = try GGUFFile(path: temporary.path)

        #expect(file.version == version)
        #expect(file.alignment == 64)
        #expect(file.metadataKeys.first == "general.architecture")
        #expect(file.metadataKeys.last == "text")
        #expect(file.tensors.map(\.name) == ["matrix", "row", "scalar"])
    }

    @Test func `a tensor knows its rows, and its bytes are the file's`() throws {
        let sample = GGUFBuilder.sample()
        let temporary = try TemporaryFile(sample.bytes)
        let file = try GGUFFile(path: temporary.path)

        let matrix = try #require(file.tensor("matrix"))
        let scalar = try #require(file.tensor("scalar"))

        #expect(matrix.shape == [2, 3, 32])
        #expect(matrix.elementCount == 192)
        #expect((matrix.rowCount, matrix.rowLength, matrix.rowBytes) == (6, 32, 18))
        #expect(matrix.byteCount == 108)
        #expect(file.bytes(of: matrix).elementsEqual(0..<108))
        #expect(scalar.shape == [1])
        #expect(file.bytes(of: scalar).elementsEqual([192, 193, 194, 195]))
        #expect(file.tensor("absent") == nil)
    }

    @Test func `discarded pages read the same again`() throws {
        let path = fixtures.appendingPathComponent("tiny/llama.gguf").path
        let file = try GGUFFile(path: path)
        let tensor = try #require(file.tensor("token_embd.weight"))
        file.willNeedSequential()
        let before = RecordedFile.Tensor(tensor, in: file)

        file.discardPages(of: tensor)

        #expect(RecordedFile.Tensor(tensor, in: file) == before)
    }

    @Test func `a vocabulary of 150,000 tokens keeps every byte, valid UTF-8 or not`() throws {
        var builder = GGUFBuilder(keyCount: 2)
        let tokens = (0..<150_000).map { "token \($0)" }
        builder.key("tokenizer.ggml.tokens", tokens)
        builder.key("pieces", arrayType: 8, count: 2)
        builder.append(UInt64(2))
        builder.append(UInt16(0xFEFF))
        builder.append("after")
        let temporary = try TemporaryFile(builder.bytes)

        let file = try GGUFFile(path: temporary.path)

        #expect(try file.strings("tokenizer.ggml.tokens") == tokens)
        let pieces = try file.stringBytes("pieces")
        #expect(pieces.map { Array($0) } == [[0xFF, 0xFE], Array("after".utf8)])
        #expect(try file.strings("pieces") == ["\u{FFFD}\u{FFFD}", "after"])
    }
}
