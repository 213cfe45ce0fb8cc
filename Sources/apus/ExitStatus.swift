// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Decoding
import Foundation
import ModelFile

/// Exit codes of sysexits.h that the commands use.
enum ExitStatus {
    /// EX_NOINPUT: a file is absent or unreadable.
    static let missingInput = ExitCode(66)
    /// EX_IOERR: a file changed, or became unreadable, while it was in use.
    static let inputFailed = ExitCode(74)
    /// EX_CONFIG: a file or an option is wrong.
    static let badConfiguration = ExitCode(78)
}

/// Runs `body`; a model error becomes one line on standard error and an exit code, and so does a file that
/// changed meanwhile: what came of it is not right.
func reportingModelErrors<Result>(
    _ file: GGUFFile, _ body: () throws -> Result
) throws -> Result {
    do {
        let result = try body()
        if let damage = file.damage { throw ModelError.file(damage) }
        return result
    } catch let error as ModelError { throw failure(file.path, error) }
}

/// Prints a model error as one line and says which exit code it is.
func failure(_ path: String, _ error: ModelError) -> ExitCode {
    printError(error.line(path))
    if case .file(.damaged) = error { return ExitStatus.inputFailed }
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
