// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ModelFile
import ServerApp

/// What every command that runs a model can be told.
struct ModelOptions: ParsableArguments {
    @Option(
        name: [.customShort("m"), .customLong("model")],
        help: "The model, a GGUF file; of a split one the first part.")
    var path: String

    @Option(name: [.short, .long], help: "Threads; default: what the process may use.")
    var threads: Int?

    @OptionGroup var metadata: MetadataOptions

    @OptionGroup var weights: WeightOptions

    /// The threads asked for, else what the process may use.
    var threadCount: Int { threads ?? ProcessorCount.available().count }

    func validate() throws {
        guard (1...1024).contains(threads ?? 1) else {
            throw ValidationError("--threads goes from 1 to 1024")
        }
    }

    /// Opens the model's file, or prints one line and ends with 66 or 78.
    func open() throws -> GGUFFile { try metadata.open(path) }
}
