// SPDX-License-Identifier: Apache-2.0

internal import CEpoll
internal import Dispatch

extension HTTPServer {
    /// Epoll batches handled before other work on the queue gets its turn.
    private static let maxBatchCount = 8

    /// The Dispatch source says that the epoll set has something.
    func handleReadiness() {
        for _ in 0..<Self.maxBatchCount {
            var count = 0
            turn {
                count = epoll.poll { token, readiness in
                    if token & Self.listenerMark != 0 {
                        acceptPending(token)
                    } else if let connection = connection(ConnectionID(token: token)) {
                        handle(readiness, of: connection)
                    }
                }
            }
            if count == 0 { return }
        }
    }

    /// Runs `body`, then sends what was written and goes on with input that was put off.
    func turn(_ body: () -> Void) {
        isInTurn = true
        body()
        flushDirty()
        if !queued.isEmpty {
            serviceQueued()
            flushDirty()
        }
        isInTurn = false
        if !queued.isEmpty || !dirty.isEmpty { scheduleTurn() }
    }

    /// Notes that a connection has output. Outside a turn, in an actor job, one is asked for.
    func markDirty(_ connection: Connection) {
        guard !connection.isDirty, connection.isOpen else { return }
        connection.isDirty = true
        dirty.append(connection)
        if !isInTurn { scheduleTurn() }
    }

    /// Notes that a connection may have input to go on with.
    func enqueue(_ connection: Connection) {
        guard !connection.isQueued, connection.isOpen else { return }
        connection.isQueued = true
        queued.append(connection)
        if !isInTurn { scheduleTurn() }
    }

    func connection(_ id: ConnectionID) -> Connection? {
        let index = Int(id.descriptor)
        guard index >= 0, index < connections.count, let connection = connections[index],
            connection.id == id
        else { return nil }
        return connection
    }

    /// The connection of an exchange that is not over.
    func connection(of exchange: Exchange) -> Connection? {
        guard let connection = connection(exchange.connection),
            connection.exchangeNumber == exchange.number, connection.state.isResponding
        else { return nil }
        return connection
    }

    private func handle(_ readiness: Readiness, of connection: Connection) {
        if readiness.contains(.output), !connection.isWritable {
            connection.isWritable = true
            markDirty(connection)
        }
        guard !readiness.isDisjoint(with: .input) else { return }
        connection.isReadable = true
        if !readiness.isDisjoint(with: [.peerFinished, .hangUp]) { connection.peerFinished = true }
        service(connection)
        // Reset, or closed on both sides: nobody will read what is still queued.
        if connection.isOpen, !readiness.isDisjoint(with: [.error, .hangUp]) {
            cancel(connection, .departed)
        }
    }

    private func scheduleTurn() {
        guard !turnIsScheduled else { return }
        turnIsScheduled = true
        executor.queue.async { @Sendable [self] in
            assumeIsolated { server in
                server.turnIsScheduled = false
                server.turn {}
            }
        }
    }

    private func flushDirty() {
        swap(&dirty, &batch)
        for index in batch.indices {
            batch[index].isDirty = false
            flush(batch[index])
        }
        batch.removeAll(keepingCapacity: true)
    }

    private func serviceQueued() {
        swap(&queued, &batch)
        for index in batch.indices {
            batch[index].isQueued = false
            service(batch[index])
        }
        batch.removeAll(keepingCapacity: true)
    }
}
