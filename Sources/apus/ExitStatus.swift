// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Decoding
import Foundation

/// Exit codes of sysexits.h that the commands use.
enum ExitStatus {
    /// EX_NOINPUT: a file is absent or unreadable.
    static let missingInput = ExitCode(66)
    /// EX_CONFIG: a file or an option is wrong.
    static let badConfiguration = ExitCode(78)
}

/// Runs `body`; a model error becomes one line on standard error and an exit code.
func reportingModelErrors<Result>(
    _ path: String, _ body: () throws -> Result
) throws -> Result {
    do { return try body() } catch let error as ModelError { throw failure(path, error) }
}

/// Prints a model error as one line and says which exit code it is.
func failure(_ path: String, _ error: ModelError) -> ExitCode {
    printError(error.line(path))
    return error.isMissingInput ? ExitStatus.missingInput : ExitStatus.badConfiguration
}

/// Prints one line on standard error.
func printError(_ message: String) {
    FileHandle.standardError.write(Data("apus: \(message)\n".utf8))
}

extension ModelError {
    /// One line that names the file once.
    func line(_ path: String) -> String {
        // The reader's own errors begin with the path.
        if case .file(let error) = self { "\(error)" } else { "\(path): \(self)" }
    }
}
