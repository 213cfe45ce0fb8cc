// SPDX-License-Identifier: Apache-2.0

import Foundation
import ModelFile

/// The default model's files in the cache, where scripts/fetch-model and scripts/make-moe put them.
enum DefaultModel {
    static let name = "SmolLM2-135M-Instruct.Q4_1"

    /// The dense model.
    static func dense() throws -> GGUFFile { try open("\(name).gguf", made: "scripts/fetch-model") }

    /// The same function as a mixture of eight experts.
    static func experts() throws -> GGUFFile {
        try open("SmolLM2-135M-Instruct.moe8.gguf", made: "scripts/make-moe")
    }

    /// A file under Tests/Fixtures/smollm2.
    static func fixture(_ name: String) -> URL {
        URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fixtures/smollm2/\(name)")
    }

    private static func open(_ file: String, made script: String) throws -> GGUFFile {
        let environment = ProcessInfo.processInfo.environment
        let cache =
            environment["APUS_CACHE"].map { URL(filePath: $0) }
            ?? FileManager.default.homeDirectoryForCurrentUser.appending(path: ".cache/apus")
        let path = cache.appending(path: "models/\(file)").path
        guard FileManager.default.fileExists(atPath: path) else {
            throw MissingModel(path: path, script: script)
        }
        return try GGUFFile(path: path)
    }

    /// Says how to get the file.
    struct MissingModel: Error, CustomStringConvertible {
        let path: String
        let script: String
        var description: String { "\(path) is missing: run \(script)" }
    }
}
