// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ServerApp

/// `apus config`: what `apus serve` would do with the same flags, environment and file.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Print every setting of apus serve, its value and where that is from.",
        discussion: "Flags have precedence over the environment, and that over the file.")

    @Flag(help: "Print a configuration file that has every setting, its help and its default.")
    var defaults = false

    @OptionGroup var options: ServeOptions

    func run() throws {
        print(
            defaults ? EffectiveSettings.standardFile : try options.settings().report,
            terminator: defaults ? "" : "\n")
    }
}
