// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Decoding
import ModelFile

/// How every command that reads a model file lets a person correct its metadata.
struct MetadataOptions: ParsableArguments {
    @Option(
        name: .customLong("override-kv"),
        help: ArgumentHelp(
            "A metadata value in place of the file's; the type is int, float, bool or str. May be repeated.",
            valueName: "key=type:value"))
    var overrides: [MetadataOverride] = []

    func validate() throws {
        var keys: Set<String> = []
        for override in overrides where !keys.insert(override.key).inserted {
            throw ValidationError("--override-kv gives \(override.key.quoted) more than once")
        }
    }

    /// Opens a model file, or prints one line and ends with 66 or 78.
    func open(_ path: String) throws -> GGUFFile { try openModel(path, overrides: overrides) }
}

/// Opens a model file, or prints one line and ends with 66 or 78.
func openModel(_ path: String, overrides: [MetadataOverride]) throws -> GGUFFile {
    do { return try GGUFFile(path: path, overrides: overrides) } catch {
        throw failure(path, .file(error))
    }
}

extension MetadataOverride: ExpressibleByArgument {
    /// The spelling on the command line.
    package init?(argument: String) { self.init(argument) }
}
