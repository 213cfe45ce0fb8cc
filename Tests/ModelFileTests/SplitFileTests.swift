// SPDX-License-Identifier: Apache-2.0

import ModelFile
import Testing

/// Models in several files: one `GGUFFile`, or an error that names the part.
struct SplitFileTests {
    /// The error that a change to the three parts brings.
    private func failure(
        _ change: (inout [SplitModel.Part]) -> Void
    ) throws -> (ModelFileError, SplitModel) {
        var parts = SplitModel.Part.all
        change(&parts)
        let model = try SplitModel(parts)
        let error = try #require(throws: ModelFileError.self) { try GGUFFile(path: model.path) }
        #expect(!error.isMissingInput)
        return (error, model)
    }

    @Test func `tensors of all parts are one model's, each with its own file's bytes`() throws {
        let model = try SplitModel()

        let file = try GGUFFile(path: model.path)
        file.willNeedSequential()

        #expect(file.partCount == 3)
        #expect(file.byteCount == model.parts.reduce(0) { $0 + $1.bytes.count })
        #expect(file.path == model.path)
        #expect(model.path.hasSuffix("/\(file.name)-00001-of-00003.gguf"))
        #expect(file.tensors.map(\.name) == ["a", "b", "c", "d"])
        #expect(file.tensors.map(\.part) == [0, 1, 1, 2])
        for (tensor, first) in zip(file.tensors, [0, 0, 32, 0] as [UInt8]) {
            #expect(file.tensor(tensor.name) == tensor)
            file.discardPages(of: tensor)
            #expect(file.bytes(of: tensor).elementsEqual(first..<first + 4))
        }
    }

    @Test func `the first part may hold the metadata alone`() throws {
        var parts = SplitModel.Part.all
        parts[0].tensors = []
        parts[1].tensors = ["a", "b", "c"]
        let model = try SplitModel(parts)

        let file = try GGUFFile(path: model.path)

        #expect(file.tensors.map(\.name) == ["a", "b", "c", "d"])
        #expect(file.tensors.map(\.part) == [1, 1, 1, 2])
    }

    @Test(arguments: [nil, 0, 1] as [UInt16?])
    func `a file that is said to be one of one is a whole model under any name`(
        count: UInt16?
    ) throws {
        let part = SplitModel.Part(index: 7, count: count, tensors: ["a"])
        let temporary = try TemporaryFile(part.encoded().bytes)

        let file = try GGUFFile(path: temporary.path)

        #expect(file.partCount == 1)
        #expect(file.tensors.map(\.name) == ["a"])
        #expect(temporary.path.hasSuffix("/" + file.name))
    }

    @Test func `a later part cannot be opened as the model`() throws {
        let model = try SplitModel()
        let second = model.files[1].path

        let error = try #require(throws: ModelFileError.self) { try GGUFFile(path: second) }

        #expect(
            error.description
                == "'\(second)': wanted the first part of a split model,"
                + " found part 2 of 3 with 4 tensors in all")
    }

    @Test func `a first part by another name says how the name must end`() throws {
        let temporary = try TemporaryFile(SplitModel.Part.all[0].encoded().bytes)

        let error = try #require(throws: ModelFileError.self) { try GGUFFile(path: temporary.path) }

        #expect(error.description.contains("ends in '-00001-of-00003.gguf'"))
    }

    @Test(arguments: [1, 2])
    func `a missing part is missing input`(index: Int) throws {
        let name = temporaryName()
        let files = try SplitModel.Part.all.enumerated().filter { $0.offset != index }.map {
            try TemporaryFile(
                $0.element.encoded().bytes, name: "\(name)-0000\($0.offset + 1)-of-00003.gguf")
        }
        let missing = files[0].path.replacing("-00001-", with: "-0000\(index + 1)-")

        let error = try #require(throws: ModelFileError.self) { try GGUFFile(path: files[0].path) }

        #expect(error == .missingPart(path: missing, number: index + 1, count: 3))
        #expect(error.isMissingInput)
        #expect(error.description.hasPrefix("'\(missing)': no such file; wanted as part"))
    }

    @Test func `a part that is unreadable is named`() throws {
        let model = try SplitModel()
        try model.files[2].truncate(to: 0)

        let error = try #require(throws: ModelFileError.self) { try GGUFFile(path: model.path) }

        #expect(error == .empty(path: model.files[2].path))
    }

    @Test func `a part of another number, another count, another model or none is refused`() throws
    {
        let others: [(SplitModel.Part, found: String)] = [
            (.init(index: 1, tensors: ["d"]), "part 2 of 3 with 4 tensors in all"),
            (.init(index: 2, count: 4, tensors: ["d"]), "part 3 of 4 with 4 tensors in all"),
            (
                .init(index: 2, tensorCount: 5, tensors: ["d"]),
                "part 3 of 3 with 5 tensors in all"
            ),
            (.init(index: 2, count: 1, tensors: ["d"]), "a whole model"),
            (.init(index: 2, count: nil, tensors: ["d"]), "a whole model"),
        ]
        for (other, found) in others {
            let (error, model) = try failure { $0[2] = other }

            #expect(
                error
                    == .unsuitablePart(
                        path: model.files[2].path, wanted: "part 3 of 3 with 4 tensors in all",
                        found: found))
        }
    }

    @Test func `a tensor in two parts is refused`() throws {
        let (error, model) = try failure { $0[2].tensors = ["b"] }

        #expect(
            error.description
                == "'\(model.files[2].path)': wanted each tensor in one part, found 'b' again")
    }

    @Test func `more or fewer tensors than announced are refused where it shows`() throws {
        let (fewer, first) = try failure { parts in
            for index in parts.indices { parts[index].tensorCount = 5 }
        }
        #expect(
            fewer.description
                == "'\(first.path)': wanted 5 tensors in 3 parts, found 4 in 3")

        let (more, other) = try failure { parts in
            for index in parts.indices { parts[index].tensorCount = 2 }
        }
        #expect(
            more.description
                == "'\(other.files[1].path)': wanted 2 tensors in 3 parts, found 3 in 2")
    }

    @Test func `counts that no model has, and absent keys, are refused by key`() throws {
        let (tooMany, _) = try failure { $0[0].count = 1025 }
        #expect(
            tooMany.description.hasSuffix(
                "key 'split.count': wanted an integer from 0 to 1024, found uint16 1025"))
        let (negative, _) = try failure { $0[0].tensorCount = -1 }
        #expect(negative.description.contains("key 'split.tensors.count': wanted an integer"))
        let (beyond, _) = try failure { $0[0].index = 3 }
        #expect(beyond.description.contains("key 'split.no': wanted an integer from 0 to 2"))
        let (unnumbered, model) = try failure { $0[1].index = nil }
        #expect(
            unnumbered
                == .missingKey(
                    path: model.files[1].path, key: "split.no",
                    wanted: "an integer from 0 to 2"))
    }
}
