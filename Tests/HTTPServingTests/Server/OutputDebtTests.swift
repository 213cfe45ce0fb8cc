// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPServing

struct OutputDebtTests {
    /// A client with a limit of 100 bytes that takes some of what each turn finds waiting.
    private struct Reader {
        var debt = OutputDebt()
        var waitingBytes = 0

        /// One turn; whether the client then owes too much.
        mutating func turn(written writtenBytes: Int, read readBytes: Int) -> Bool {
            let queuedBytes = waitingBytes + writtenBytes
            waitingBytes = queuedBytes - readBytes
            return debt.settle(
                queuedBytes: queuedBytes, remainingBytes: waitingBytes, maxBytes: 100)
        }
    }

    @Test func `what the newest turn wrote is not held against the client`() {
        var reader = Reader()

        let owesTooMuch = [
            reader.turn(written: 100, read: 0), reader.turn(written: 60, read: 0),
            reader.turn(written: 0, read: 59), reader.turn(written: 60, read: 0),
        ]

        #expect(owesTooMuch == [false, false, true, true])
    }

    @Test func `a turn larger than the limit may wait until it is read, and no longer`() {
        var reader = Reader()

        let whileItIsRead = [
            reader.turn(written: 1000, read: 0), reader.turn(written: 10, read: 20),
            reader.turn(written: 10, read: 0), reader.turn(written: 10, read: 910),
        ]
        let after = [
            reader.turn(written: 90, read: 0), reader.turn(written: 1, read: 0),
        ]

        #expect(whileItIsRead == [false, false, false, false])
        #expect(after == [false, true])
    }

    @Test func `a client that reads nothing of large turns owes too much at the third`() {
        var reader = Reader()

        let owesTooMuch = (0..<3).map { _ in reader.turn(written: 1000, read: 0) }

        #expect(owesTooMuch == [false, false, true])
    }
}
