// SPDX-License-Identifier: Apache-2.0

package import Decoding
internal import Foundation

/// What a person sees while a model loads: nothing in the first second, as most models take no more; then, as
/// git and cargo do, one line that is drawn again where there is a terminal, and a line now and then where
/// there is a log.
package struct LoadingDisplay: Sendable {
    /// Where it is shown.
    package enum Place: Sendable {
        /// A terminal of so many columns.
        case terminal(columnCount: Int)
        case log
    }

    /// Loading that is over by then is not spoken of.
    private static let delay = Duration.seconds(1)
    private static let barWidth = 30
    /// Returns to the start of the terminal's line and clears it.
    private static let clearLine = "\r\u{1B}[K"

    private let place: Place
    private var shownAt: Duration?

    package init(_ place: Place) { self.place = place }

    /// Shortest time between two lines.
    private var interval: Duration {
        if case .log = place { .seconds(5) } else { .milliseconds(100) }
    }

    /// What is written when loading is this far after this time; nil where nothing is.
    package mutating func text(_ progress: LoadingProgress, after time: Duration) -> String? {
        guard progress.loadedBytes < progress.totalBytes else { return end(progress, after: time) }
        guard time >= Self.delay, time - (shownAt ?? .zero) >= interval || isFirstOnTerminal
        else { return nil }
        shownAt = time
        let amount =
            "\(Self.gibibytes(progress.loadedBytes)) of \(MemoryLimit.gibibytes(progress.totalBytes)), "
            + Self.seconds(time)
        switch place {
        case .log: return "loading: \(amount)"
        case .terminal(let columnCount):
            let share = Double(progress.loadedBytes) / Double(progress.totalBytes)
            let filled = min(Self.barWidth, max(0, Int(share * Double(Self.barWidth))))
            let bar =
                String(repeating: "=", count: filled)
                + String(repeating: " ", count: Self.barWidth - filled)
            // A line that wraps could not be drawn again; the last column is left to the cursor.
            return Self.clearLine + "loading [\(bar)] \(amount)".prefix(max(0, columnCount - 1))
        }
    }

    private var isFirstOnTerminal: Bool {
        if case .terminal = place { shownAt == nil } else { false }
    }

    private func end(_ progress: LoadingProgress, after time: Duration) -> String? {
        switch place {
        case .log where time >= Self.delay:
            "loaded \(MemoryLimit.gibibytes(progress.totalBytes)) in \(Self.seconds(time))"
        case .terminal where shownAt != nil: Self.clearLine
        default: nil
        }
    }

    private static func gibibytes(_ bytes: Int) -> String {
        String(format: "%.2f", Double(bytes) / 0x1p30)
    }

    private static func seconds(_ time: Duration) -> String {
        "\(Int(time / .seconds(1))) s"
    }
}
