// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The `apus` command.
@main
struct Apus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: "Serve mixture-of-experts language models on CPUs, OpenAI-compatible.",
        subcommands: [
            ServeCommand.self, ConfigCommand.self, GenerateCommand.self, InspectCommand.self,
            BenchCommand.self,
            EvaluateCommand.self, HealthCommand.self,
        ])
}
