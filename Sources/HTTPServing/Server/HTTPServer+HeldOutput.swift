// SPDX-License-Identifier: Apache-2.0

extension HTTPServer {
    /// Response bytes below which a connection's input is taken. When the server holds half of what it may
    /// hold, that is only where none wait: who reads goes on as before, and who pipelines without reading
    /// has no more answers made.
    var maxPendingBytes: Int {
        heldOutputBytes > limits.maxHeldOutputBytes / 2 ? 1 : limits.maxPendingOutputBytes
    }

    /// Keeps the sum of bytes that wait for their readers.
    func countHeldOutput(_ connection: Connection) {
        let held = connection.pendingOutputBytes
        heldOutputBytes += held - connection.heldOutputBytes
        connection.heldOutputBytes = held
    }

    /// Resets connections as long as the server holds more than it may: first who owes most for longest.
    func shedDebtors() {
        while heldOutputBytes > limits.maxHeldOutputBytes, let debtor = worstDebtor() {
            cancel(debtor, .slowReader)
        }
    }

    /// The connection whose bytes, times the ticks since it last took any, are most; nil where none waits for
    /// its client. Goes through all connections, which only answers of many megabytes can bring about.
    private func worstDebtor() -> Connection? {
        let now = tickNow()
        var worst: (connection: Connection, debt: UInt64)?
        for case .some(let connection) in connections where !connection.isWritable {
            let ticks = now - connection.deadline.startTick + 1
            let debt = UInt64(connection.pendingOutputBytes) * ticks
            if debt > worst?.debt ?? 0 { worst = (connection, debt) }
        }
        return worst?.connection
    }
}
