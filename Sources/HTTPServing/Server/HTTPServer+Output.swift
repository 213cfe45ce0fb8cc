// SPDX-License-Identifier: Apache-2.0

internal import HTTPTypes

extension HTTPServer {
    /// Bytes sent to one connection before the others get their turn.
    private static let maxFlushBytes = 1 << 20

    /// Sends what is queued until the call would block.
    func flush(_ connection: Connection) {
        guard connection.isOpen else { return }
        let queuedBytes = connection.output.byteCount
        var sentBytes = 0
        while connection.isWritable, connection.pendingOutputBytes > 0 {
            guard sentBytes < Self.maxFlushBytes else {
                markDirty(connection)
                break
            }
            // Nothing: an answer that waits for a handshake, or can no longer be encrypted.
            guard let sent = connection.sendFirst() else {
                if connection.tls?.hasFailed == true { return cancel(connection, .departed) }
                break
            }
            switch sent {
            case .bytes(let count): sentBytes += count
            case .wouldBlock, .endOfStream: connection.isWritable = false
            case .failed: return cancel(connection, .departed)
            }
        }
        counters.sentBytes.count(sentBytes)
        flushed(connection, queuedBytes: queuedBytes, madeProgress: sentBytes > 0)
    }

    /// Answers in place of a route.
    func refuse(_ connection: Connection, _ refusal: Refusal) {
        counters.refusals.count(refusal.reason)
        if !connection.hasOpenExchange { openExchange(connection, nil) }
        if !refusal.keepsConnection { connection.state.endAfterResponse() }
        let body = configuration.refusalBody(refusal)
        var response = HTTPResponse(
            status: refusal.status, headerFields: [.contentType: body.contentType])
        switch refusal {
        case .methodNotAllowed(let allow): response.headerFields[.allow] = allow
        case .missingKey: response.headerFields[.wwwAuthenticate] = #"Bearer realm="apus""#
        case .wrongKey:
            response.headerFields[.wwwAuthenticate] =
                #"Bearer realm="apus", error="invalid_token""#
        case .rateLimited(_, let seconds): response.headerFields[.retryAfter] = "\(seconds)"
        case .tooManyRunning: response.headerFields[.retryAfter] = "1"
        case .unsupportedContentCoding:
            response.headerFields[.acceptEncoding] = ContentCoding.supported
        default: break
        }
        connection.state.respond(response, body: body.bytes, date: date, into: &connection.output)
        connection.record?.status = response.status
        connection.record?.bodyBytes = body.bytes.count
        exchangeEnded(connection)
        countHeldBody(connection)
    }

    /// The response is queued to its end.
    func exchangeEnded(_ connection: Connection) {
        connection.onCancel = nil
        connection.hasOpenExchange = false
        releaseKey(connection)
        closeRecord(connection, nil)
        countHeldOutput(connection)
        markDirty(connection)
    }

    func openRecord(_ connection: Connection, _ head: HTTPRequest?, _ requestID: RequestID) {
        guard configuration.accessLog != nil else { return }
        connection.record = OpenRecord(
            method: head?.method.rawValue ?? "-", requestID: requestID,
            target: head?.path ?? "-",
            startNanoseconds: LoopClock.now())
    }

    func closeRecord(_ connection: Connection, _ reason: CancelReason?) {
        guard let log = configuration.accessLog, let record = connection.record else { return }
        connection.record = nil
        log(
            AccessRecord(
                method: record.method, requestID: record.requestID, client: connection.client,
                keyName: record.keyName, target: record.target, status: record.status,
                bodyBytes: record.bodyBytes,
                duration: .nanoseconds(LoopClock.now() - record.startNanoseconds),
                cancelReason: reason))
    }

    private func flushed(_ connection: Connection, queuedBytes: Int, madeProgress: Bool) {
        countHeldOutput(connection)
        let owesTooMuch = connection.debt.settle(
            queuedBytes: queuedBytes, remainingBytes: connection.output.byteCount,
            maxBytes: limits.maxPendingOutputBytes)
        if owesTooMuch, !connection.isWritable, case .streaming = connection.state.phase {
            return cancel(connection, .slowReader)
        }
        if connection.pendingOutputBytes == 0, connection.state.phase == .ended {
            return finishConnection(connection)
        }
        if connection.canGoOn(maxPendingBytes: maxPendingBytes) { enqueue(connection) }
        renewDeadline(connection, madeProgress: madeProgress)
        shedDebtors()
    }
}
