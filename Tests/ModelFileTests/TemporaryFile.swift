// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A file of its own for one test, removed when the test lets go of it.
final class TemporaryFile {
    let path: String
    private let handle: FileHandle

    init(_ bytes: some Sequence<UInt8>, name: String = temporaryName()) throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(name)
        try Data(bytes).write(to: url)
        path = url.path
        handle = try FileHandle(forUpdating: url)
    }

    deinit {
        try? handle.close()
        try? FileManager.default.removeItem(atPath: path)
    }

    func overwrite(_ bytes: [UInt8], at offset: Int = 0) throws {
        try handle.seek(toOffset: UInt64(offset))
        try handle.write(contentsOf: bytes)
    }

    func truncate(to byteCount: Int) throws {
        try handle.truncate(atOffset: UInt64(byteCount))
    }
}

/// A name that no other file has.
func temporaryName() -> String { "apus-test-\(UUID().uuidString)" }

/// The folder of files that the tests read.
let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures")
