// SPDX-License-Identifier: Apache-2.0

import Decoding
import Testing

@testable import ServerApp

@Suite struct LoadingDisplayTests {
    private static let clearLine = "\r\u{1B}[K"

    /// Quarters of 8 GiB.
    private func progress(_ quarters: Int) -> LoadingProgress {
        LoadingProgress(loadedBytes: quarters << 31, totalBytes: 4 << 31)
    }

    @Test(arguments: [LoadingDisplay.Place.log, .terminal(columnCount: 80)])
    func `nothing is said of a second's loading`(place: LoadingDisplay.Place) {
        var display = LoadingDisplay(place)

        for (quarters, time) in [(0, 0), (1, 400), (3, 999), (4, 999)] {
            #expect(display.text(progress(quarters), after: .milliseconds(time)) == nil)
        }
    }

    @Test func `a terminal's line is drawn ten times a second and cleared in the end`() {
        var display = LoadingDisplay(.terminal(columnCount: 80))

        let first = display.text(progress(1), after: .seconds(1))
        let soon = display.text(progress(1), after: .milliseconds(1099))
        let second = display.text(progress(2), after: .milliseconds(2100))
        let end = display.text(progress(4), after: .milliseconds(2101))

        let bar = String(repeating: "=", count: 7) + String(repeating: " ", count: 23)
        #expect(first == Self.clearLine + "loading [\(bar)] 2.00 of 8.00 GiB, 1 s")
        #expect(soon == nil)
        #expect(second?.contains("4.00 of 8.00 GiB, 2 s") == true)
        #expect(end == Self.clearLine)
    }

    @Test(arguments: 1...80)
    func `a line never fills a terminal's last column`(columnCount: Int) throws {
        var display = LoadingDisplay(.terminal(columnCount: columnCount))

        let text = display.text(progress(3), after: .seconds(12_345))

        #expect(try #require(text).dropFirst(Self.clearLine.count).count < columnCount)
    }

    @Test func `a log has a line at most every five seconds, and one in the end`() {
        var display = LoadingDisplay(.log)
        var lines: [String] = []

        for tenth in 0..<126 {
            let loaded = progress(tenth / 40)
            if let line = display.text(loaded, after: .milliseconds(100 * tenth)) {
                lines.append(line)
            }
        }
        lines += [display.text(progress(4), after: .milliseconds(12_600))].compactMap(\.self)

        #expect(
            lines == [
                "loading: 2.00 of 8.00 GiB, 5 s", "loading: 4.00 of 8.00 GiB, 10 s",
                "loaded 8.00 GiB in 12 s",
            ])
    }

    @Test func `an empty file divides nothing by nothing`() {
        var display = LoadingDisplay(.terminal(columnCount: 80))

        let nothing = LoadingProgress(loadedBytes: 0, totalBytes: 0)
        #expect(display.text(nothing, after: .seconds(9)) == nil)
    }
}
