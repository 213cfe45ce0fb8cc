// SPDX-License-Identifier: Apache-2.0

extension HTTPServer {
    /// The timer's tick: renews the date, hands out deadlines that are over.
    func handleTick() {
        renewDate()
        resumeListeners()
        turn {
            for (token, tick) in wheel.advance(to: tickNow()) {
                guard let connection = connection(ConnectionID(token: token)),
                    connection.deadline.armedTick == tick
                else { continue }
                connection.deadline.armedTick = .max
                if connection.deadline.tick <= tick {
                    timedOut(connection)
                } else {
                    arm(connection)
                }
            }
        }
    }

    /// Sets the deadline that fits what the connection now waits for.
    func renewDeadline(_ connection: Connection, madeProgress: Bool = false) {
        guard connection.isOpen else { return }
        let kind = waitKind(of: connection)
        // A reader who only asks for more has read nothing.
        let isSame =
            kind == connection.deadline.kind
            && (kind == .reader
                || connection.exchangeNumber == connection.deadline.exchangeNumber)
        if !isSame || kind == .idle || (kind == .reader && madeProgress) {
            connection.deadline.kind = kind
            connection.deadline.exchangeNumber = connection.exchangeNumber
            connection.deadline.startTick = tickNow()
        } else if kind != .body {
            return
        }
        connection.deadline.tick = endTick(of: connection)
        arm(connection)
    }

    func renewDate() {
        let second = LoopClock.secondsSince1970()
        guard second != dateSecond else { return }
        dateSecond = second
        date = HTTPDate.format(second)
    }

    private func waitKind(of connection: Connection) -> Deadline.Kind {
        if connection.isLingering { return .linger }
        if let tls = connection.tls, !tls.isEstablished { return .handshake }
        if connection.pendingOutputBytes > 0 { return .reader }
        switch connection.state.phase {
        case .awaitingResponse, .streaming: return .none
        case .ended: return .linger
        case .reading:
            switch connection.state.progress {
            case .idle: return .idle
            case .head: return .head
            case .body: return .body
            }
        }
    }

    private func endTick(of connection: Connection) -> UInt64 {
        let start = connection.deadline.startTick
        switch connection.deadline.kind {
        case .none: return .max
        case .handshake: return start + ticks(limits.handshakeTimeout)
        case .idle: return start + ticks(limits.idleTimeout)
        case .head: return start + ticks(limits.headTimeout)
        case .body:
            let earned =
                Double(connection.state.receivedBodyBytes) / Double(limits.minBodyBytesPerSecond)
            return start + ticks(limits.bodyTimeout + .seconds(earned))
        case .reader: return start + ticks(limits.stallTimeout)
        case .linger: return start + ticks(limits.lingerTimeout)
        }
    }

    private func arm(_ connection: Connection) {
        guard connection.deadline.tick < connection.deadline.armedTick else { return }
        connection.deadline.armedTick = wheel.schedule(
            connection.id.token, at: connection.deadline.tick)
    }

    private func timedOut(_ connection: Connection) {
        switch connection.deadline.kind {
        case .none: break
        case .handshake, .linger: close(connection)
        case .idle: end(connection)
        case .head, .body:
            connection.state.abandonRequest()
            refuse(connection, .requestTimedOut)
        case .reader: cancel(connection, .slowReader)
        }
    }

    func tickNow() -> UInt64 {
        (LoopClock.now() - startNanoseconds) / tickNanoseconds
    }

    /// Rounded up, and one more: a wait that begins late in a tick is not cut short.
    private func ticks(_ duration: Duration) -> UInt64 {
        UInt64(clamping: duration.nanoseconds) / tickNanoseconds + 2
    }
}
