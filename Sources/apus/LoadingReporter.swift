// SPDX-License-Identifier: Apache-2.0

import Decoding
import Foundation
import Logging
import ServerApp
import Synchronization

/// Shows on standard error how far loading is: as a bar where that is a terminal, else in the log where there
/// is one.
final class LoadingReporter: Sendable {
    private let display: Mutex<LoadingDisplay?>
    private let logger: Logger?
    private let start = ContinuousClock.now

    /// A command without a logger says nothing where there is no terminal.
    init(logger: Logger? = nil) {
        let columnCount = Self.terminalColumnCount
        self.logger = columnCount == nil ? logger : nil
        let place: LoadingDisplay.Place? =
            if let columnCount { .terminal(columnCount: columnCount) } else {
                logger.map { _ in .log }
            }
        display = Mutex(place.map { LoadingDisplay($0) })
    }

    /// Called as loading goes on.
    @Sendable func report(_ progress: LoadingProgress) {
        let time = ContinuousClock.now - start
        guard let text = display.withLock({ $0?.text(progress, after: time) }) else { return }
        if let logger {
            logger.info("\(text)")
        } else {
            FileHandle.standardError.write(Data(text.utf8))
        }
    }

    /// Columns of the terminal that standard error is; nil where it is none that can draw a line again.
    private static var terminalColumnCount: Int? {
        guard isatty(STDERR_FILENO) == 1, ProcessInfo.processInfo.environment["TERM"] != "dumb"
        else { return nil }
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return 80
        }
        return Int(size.ws_col)
    }
}
