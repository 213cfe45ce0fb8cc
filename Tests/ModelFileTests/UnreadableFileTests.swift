// SPDX-License-Identifier: Apache-2.0

import Foundation
import ModelFile
import Testing

struct UnreadableFileTests {
    private func failure(_ path: String) throws -> ModelFileError {
        try #require(throws: ModelFileError.self) { try GGUFFile(path: path) }
    }

    @Test func `a missing file is missing input`() throws {
        let error = try failure("/nonexistent/model.gguf")

        #expect(error == .missing(path: "/nonexistent/model.gguf"))
        #expect(error.isMissingInput)
        #expect(error.description == "'/nonexistent/model.gguf': no such file")
        #expect(try failure("/tmp\u{0}/model.gguf").isMissingInput)
        #expect(try failure("").isMissingInput)
    }

    @Test func `a file without permission is missing input`() throws {
        let temporary = try TemporaryFile(GGUFBuilder.sample().bytes)
        try #require(chmod(temporary.path, 0) == 0)
        guard geteuid() != 0 else { return }  // no file is closed to the superuser

        let error = try failure(temporary.path)

        #expect(error.isMissingInput)
        #expect(error.description.hasSuffix("cannot be read: Permission denied"))
    }

    @Test func `a directory, a device and a pipe are refused without waiting`() throws {
        let pipe = FileManager.default.temporaryDirectory
            .appendingPathComponent("apus-test-\(UUID().uuidString)").path
        try #require(mkfifo(pipe, 0o600) == 0)
        defer { unlink(pipe) }

        for path in [pipe, "/dev/zero", "/"] {
            let error = try failure(path)

            #expect(error == .notRegularFile(path: path))
            #expect(!error.isMissingInput)
        }
    }

    @Test func `an empty file is refused`() throws {
        let temporary = try TemporaryFile([])

        #expect(try failure(temporary.path) == .empty(path: temporary.path))
    }
}
