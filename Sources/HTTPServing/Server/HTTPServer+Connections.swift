// SPDX-License-Identifier: Apache-2.0

extension HTTPServer {
    /// Connections taken from one listener before others get their turn.
    private static let maxAcceptCount = 64
    /// Connections above the limit that are held for as long as their 503 takes to arrive.
    private static let maxRefusedCount = 64

    /// Takes connections that wait in a listener.
    func acceptPending(_ token: UInt64) {
        guard let listener = listeners[token] else { return }
        for _ in 0..<Self.maxAcceptCount {
            switch listener.accept() {
            case .connection(let socket): admit(socket, from: listener)
            case .nothing: return
            case .lost: continue
            case .exhausted:
                counters.rejectedConnectionCount.count()
                guard spareDescriptor.turnAway(from: listener) else { return pauseListeners() }
            }
        }
    }

    /// Closes a connection in order: FIN now, the descriptor when the client has seen it.
    func finishConnection(_ connection: Connection) {
        if connection.peerFinished { return end(connection) }
        sayGoodbye(connection)
        connection.socket.finishSending()
        connection.isLingering = true
        connection.backlog = []
        connection.backlogOffset = 0
        if connection.isReadable { enqueue(connection) }
        renewDeadline(connection)
    }

    /// Closes a connection that nothing is awaited from.
    func end(_ connection: Connection) {
        sayGoodbye(connection)
        close(connection)
    }

    /// Tells a TLS client that all it got is whole.
    private func sayGoodbye(_ connection: Connection) {
        guard let tls = connection.tls, connection.isOpen, !tls.hasOutput else { return }
        tls.sayGoodbye()
        // A few bytes, once: a client whose window is full does not get them.
        if tls.hasOutput { _ = tls.send(to: connection.socket) }
    }

    /// Ends a connection at once; an exchange in progress is told why.
    func cancel(_ connection: Connection, _ reason: CancelReason) {
        guard connection.isOpen else { return }
        // An orderly end would pass for the end of a body that ends with the connection.
        let endLooksWhole = connection.state.phase == .streaming(.untilClose)
        if reason == .slowReader || reason == .aborted || endLooksWhole {
            connection.socket.resetOnClose()
        }
        let wasResponding = connection.state.isResponding
        let onCancel = connection.onCancel
        close(connection)
        if reason == .slowReader { counters.slowReaderCount.count() }
        guard wasResponding else { return }
        counters.cancellations.count(reason)
        closeRecord(connection, reason)
        onCancel?(reason, self)
    }

    /// Gives the descriptor back and forgets the connection.
    func close(_ connection: Connection) {
        guard connection.isOpen else { return }
        connection.isOpen = false
        connection.onCancel = nil
        releaseKey(connection)
        connections[Int(connection.id.descriptor)] = nil
        connection.socket.close()
        openCount -= 1
        heldBodyBytes -= connection.heldBodyBytes
        heldOutputBytes -= connection.heldOutputBytes
        counters.openConnectionCount.count(-1)
        if isStopping { stopIfDone() }
    }

    /// Lets listeners be heard again after the system had no descriptors left.
    func resumeListeners() {
        guard listenersArePaused else { return }
        listenersArePaused = false
        for (token, listener) in listeners {
            do throws(SystemError) {
                try epoll.add(listener, token: token)
            } catch {
                listenersArePaused = true
            }
        }
    }

    private func pauseListeners() {
        guard !listenersArePaused else { return }
        listenersArePaused = true
        for listener in listeners.values { epoll.remove(listener) }
    }

    private func admit(_ socket: Socket, from listener: Listener) {
        // A refusal is not worth a handshake.
        let refusedCount = listener.isSecure ? 0 : Self.maxRefusedCount
        guard openCount < limits.maxConnectionCount + refusedCount else {
            counters.rejectedConnectionCount.count()
            return socket.close()
        }
        let tls = listener.isSecure ? tlsContext.flatMap { TLSSession($0) } : nil
        guard tls != nil || !listener.isSecure else {
            counters.rejectedConnectionCount.count()
            return socket.close()
        }
        nextGeneration &+= 1
        let id = ConnectionID(descriptor: socket.descriptor, generation: nextGeneration)
        do throws(SystemError) {
            try epoll.add(socket, token: id.token)
        } catch {
            counters.rejectedConnectionCount.count()
            return socket.close()
        }
        let connection = Connection(
            id: id, socket: socket, tls: tls, limits: limits.message)
        if configuration.accessLog != nil { connection.client = socket.peerAddress() }
        let index = Int(socket.descriptor)
        while connections.count <= index { connections.append(nil) }
        connections[index] = connection
        openCount += 1
        counters.openConnectionCount.count()
        counters.totalConnectionCount.count()
        if openCount > limits.maxConnectionCount {
            counters.rejectedConnectionCount.count()
            connection.state.abandonRequest()
            refuse(connection, .tooManyConnections)
        } else {
            renewDeadline(connection)
        }
    }
}
