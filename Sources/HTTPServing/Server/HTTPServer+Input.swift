// SPDX-License-Identifier: Apache-2.0

internal import HTTPTypes

extension HTTPServer {
    /// Reads of one connection before the others get their turn.
    private static let maxReadCount = 4

    /// Goes on with a connection's input until there is none, or none is wanted.
    func service(_ connection: Connection) {
        guard connection.isOpen else { return }
        if connection.isLingering {
            discardInput(connection)
        } else {
            takeBacklog(connection)
            readInput(connection)
        }
        guard connection.isOpen else { return }
        if connection.peerFinished, connection.state.isResponding {
            // A client that closes while its answer is awaited has left, even if it closed only
            // its sending side: the two cannot be told apart.
            cancel(connection, .departed)
        } else {
            renewDeadline(connection)
        }
    }

    /// Reads until the call would block, the stream ends or fails: a reset that arrived with the
    /// last bytes is told by no further event.
    private func readInput(_ connection: Connection) {
        var readCount = 0
        while connection.acceptsInput(maxPendingBytes: maxPendingBytes) {
            guard readCount < Self.maxReadCount else { return enqueue(connection) }
            readCount += 1
            switch connection.socket.receive(into: readBuffer.bytes) {
            case .bytes(let count):
                counters.receivedBytes.count(count)
                takeRead(UnsafeRawBufferPointer(rebasing: readBuffer.bytes[..<count]), connection)
            case .wouldBlock: connection.isReadable = false
            case .endOfStream: return inputEnded(connection)
            case .failed: return cancel(connection, .departed)
            }
        }
        if connection.hasReceivedGoodbye, connection.isOpen, !connection.hasBacklog,
            connection.state.phase == .reading
        {
            inputEnded(connection)
        }
    }

    private func takeRead(_ bytes: UnsafeRawBufferPointer, _ connection: Connection) {
        guard let tls = connection.tls else { return takePlaintext(bytes, connection) }
        let received = tls.receive(bytes, into: plaintextBuffer.bytes)
        if tls.hasOutput { markDirty(connection) }
        switch received {
        case .bytes(let count): takePlaintext(firstPlaintext(count), connection)
        case .ended(let count):
            connection.hasReceivedGoodbye = true
            connection.peerFinished = true
            connection.isReadable = false
            takePlaintext(firstPlaintext(count), connection)
        case .failed: tlsFailed(connection)
        }
    }

    private func firstPlaintext(_ count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: plaintextBuffer.bytes[..<count])
    }

    /// Sends the alert, if there is one, and nothing after it.
    private func tlsFailed(_ connection: Connection) {
        counters.tlsFailureCount.count()
        _ = connection.sendFirst()
        guard !connection.state.isResponding else { return cancel(connection, .departed) }
        connection.output = OutputQueue()
        connection.state.endReading()
        finishConnection(connection)
    }

    private func takePlaintext(_ input: UnsafeRawBufferPointer, _ connection: Connection) {
        guard !input.isEmpty else { return }
        let taken = input.withMemoryRebound(to: UInt8.self) { take($0.span, connection, from: 0) }
        if taken < input.count, connection.isOpen, connection.state.phase != .ended {
            connection.backlog = Array(input[taken...])
            connection.backlogOffset = 0
        }
    }

    private func takeBacklog(_ connection: Connection) {
        guard connection.hasBacklog, connection.acceptsRequests(maxPendingBytes: maxPendingBytes)
        else { return }
        let backlog = connection.backlog
        connection.backlogOffset = take(backlog.span, connection, from: connection.backlogOffset)
        if !connection.hasBacklog || connection.state.phase == .ended {
            connection.backlog = []
            connection.backlogOffset = 0
        }
    }

    /// Takes requests out of input as long as the connection accepts them; where it stopped.
    private func take(_ input: Span<UInt8>, _ connection: Connection, from start: Int) -> Int {
        var offset = start
        while offset < input.count, connection.acceptsRequests(maxPendingBytes: maxPendingBytes) {
            switch connection.state.receive(input, at: &offset) {
            case .needsMore: break
            case .bodyFollows(let request, let awaitsContinue):
                admitBody(of: request, awaitsContinue: awaitsContinue, connection)
            case .request(let request): dispatch(request, connection)
            case .refused(let refusal): refuse(connection, refusal)
            }
        }
        countHeldBody(connection)
        return offset
    }

    /// Lets the body of a request come, unless it is already known that the answer will be a refusal.
    private func admitBody(
        of request: IncomingRequest, awaitsContinue: Bool, _ connection: Connection
    ) {
        do throws(Refusal) {
            _ = try access?.identify(request.head)
            if awaitsContinue { try checkRoute(of: request.head) }
        } catch {
            openExchange(connection, request)
            connection.state.abandonRequest()
            return refuse(connection, error)
        }
        guard awaitsContinue else { return }
        connection.output.append(ResponseEncoder.continueHead)
        markDirty(connection)
    }

    private func checkRoute(of head: HTTPRequest) throws(Refusal) {
        switch configuration.routes.match(head.method, head.path ?? "/") {
        case .found, .options: return
        case .notFound: throw .notFound
        case .methodNotAllowed(let allow): throw .methodNotAllowed(allow: allow)
        }
    }

    private func dispatch(_ request: IncomingRequest, _ connection: Connection) {
        counters.requestCount.count()
        var request = request
        request.id = openExchange(connection, request)
        if isStopping { connection.state.endAfterResponse() }
        connection.exchangeNumber &+= 1
        let exchange = Exchange(connection: connection.id, number: connection.exchangeNumber)
        if isPreflight(request) { return answerPreflight(request, exchange, connection) }
        do throws(Refusal) {
            if let key = try admit(request.head, connection) {
                request.keyName = key.name
                request.keyWeight = key.limits.weight
            }
        } catch {
            if connection.record == nil { openRecord(connection, request.head, request.id) }
            return refuse(connection, error)
        }
        switch configuration.routes.match(request.head.method, request.head.path ?? "/") {
        case .found(let responder, let pathTail):
            request.pathTail = pathTail
            responder(request, exchange, self)
        case .options(let allow):
            exchange.respond(
                HTTPResponse(status: .noContent, headerFields: [.allow: allow]), on: self)
        case .notFound: refuse(connection, .notFound)
        case .methodNotAllowed(let allow): refuse(connection, .methodNotAllowed(allow: allow))
        }
    }

    private func inputEnded(_ connection: Connection) {
        connection.isReadable = false
        connection.peerFinished = true
        // Whoever reads on cancels an exchange whose client has left.
        guard !connection.state.isResponding else { return }
        connection.state.endReading()
        if connection.pendingOutputBytes == 0 { end(connection) } else { markDirty(connection) }
    }

    /// Drops what comes after the server's FIN, up to the bound.
    private func discardInput(_ connection: Connection) {
        for _ in 0..<Self.maxReadCount {
            switch connection.socket.receive(into: readBuffer.bytes) {
            case .bytes(let count):
                connection.discardedBytes += count
                guard connection.discardedBytes <= limits.maxDiscardedBytes else {
                    return close(connection)
                }
            case .wouldBlock:
                connection.isReadable = false
                return
            case .endOfStream, .failed: return close(connection)
            }
        }
        enqueue(connection)
    }

    /// Keeps the sum of bytes held for bodies that are still arriving.
    func countHeldBody(_ connection: Connection) {
        guard connection.isOpen else { return }
        let held = connection.state.heldBodyBytes
        heldBodyBytes += held - connection.heldBodyBytes
        connection.heldBodyBytes = held
        if heldBodyBytes > limits.maxHeldBodyBytes, held > 0 {
            connection.state.abandonRequest()
            refuse(connection, .outOfBodyMemory)
        }
    }
}
