// SPDX-License-Identifier: Apache-2.0

internal import HTTPTypes

/// Names one connection for as long as the server lives: a descriptor, and which of its users.
struct ConnectionID: Hashable, Sendable {
    let descriptor: Int32
    let generation: UInt32

    init(descriptor: Int32, generation: UInt32) {
        self.descriptor = descriptor
        self.generation = generation
    }

    init(token: UInt64) {
        descriptor = Int32(truncatingIfNeeded: token >> 32)
        generation = UInt32(truncatingIfNeeded: token)
    }

    /// The same in 64 bits, as epoll and the timer wheel carry it.
    var token: UInt64 { UInt64(UInt32(bitPattern: descriptor)) << 32 | UInt64(generation) }
}

/// A client's connection; lives in the server's table, on the loop only.
final class Connection {
    let id: ConnectionID
    let socket: Socket
    /// Between the socket and the protocol, where the listener wants it.
    let tls: TLSSession?
    /// The client's address, where it will be logged.
    var client = "-"
    var state: ConnectionState
    var output = OutputQueue()
    /// What of earlier turns' output the client has not taken.
    var debt = OutputDebt()

    /// Input that was read ahead of an answer which is still awaited.
    var backlog: [UInt8] = []
    var backlogOffset = 0

    // What epoll told, until a call says that it is no longer so.
    var isReadable = false
    var isWritable = true
    var peerFinished = false
    /// The client said close_notify; what it sent before may still be in the backlog.
    var hasReceivedGoodbye = false

    var isOpen = true
    /// The server has sent its FIN and drops what still comes.
    var isLingering = false
    var discardedBytes = 0
    /// In the server's list of connections with output to flush.
    var isDirty = false
    /// In the server's list of connections with input to go on with.
    var isQueued = false

    /// Counts requests; an exchange of an earlier one is void.
    var exchangeNumber: UInt32 = 0
    var onCancel: (@Sendable (CancelReason, isolated HTTPServer) -> Void)?
    var record: OpenRecord?
    /// A request, or the refusal of something that was none, is being answered.
    var hasOpenExchange = false
    /// The key that the exchange in progress counts for.
    var countedKey: String?
    /// This connection's part of the server's sum of request bytes.
    var heldBodyBytes = 0
    /// This connection's part of the server's sum of response bytes.
    var heldOutputBytes = 0

    var deadline = Deadline()

    init(id: ConnectionID, socket: Socket, tls: TLSSession?, limits: MessageLimits) {
        self.id = id
        self.socket = socket
        self.tls = tls
        state = ConnectionState(limits: limits)
    }

    var hasBacklog: Bool { backlogOffset < backlog.count }

    /// Bytes that the client has not taken yet, encrypted or to be.
    var pendingOutputBytes: Int { output.byteCount + (tls?.output.byteCount ?? 0) }

    /// Whether the next request may be taken. A client that pipelines but does not read waits.
    func acceptsRequests(maxPendingBytes: Int) -> Bool {
        isOpen && state.phase == .reading && pendingOutputBytes < maxPendingBytes
    }

    /// Whether bytes may be read. While an answer is awaited they are only read, into the backlog, under
    /// TLS: there the client's farewell is one of the bytes, and requests for new keys are, to each of which
    /// the session replies.
    func acceptsInput(maxPendingBytes: Int) -> Bool {
        guard isOpen, isReadable, !hasBacklog, pendingOutputBytes < maxPendingBytes else {
            return false
        }
        return state.phase == .reading || (tls != nil && state.isResponding)
    }

    /// Whether there may be input to go on with, read ahead or not read yet.
    func canGoOn(maxPendingBytes: Int) -> Bool {
        hasBacklog
            ? acceptsRequests(maxPendingBytes: maxPendingBytes)
            : acceptsInput(maxPendingBytes: maxPendingBytes)
    }

    /// Hands the first bytes to the socket; nil where there is nothing to be sent.
    func sendFirst() -> Transfer? {
        if let tls {
            if !tls.hasOutput { tls.seal(&output) }
            return tls.hasOutput ? tls.send(to: socket) : nil
        }
        guard !output.isEmpty else { return nil }
        let sent = socket.send(output)
        if case .bytes(let count) = sent { output.removeFirst(count) }
        return sent
    }
}

/// What the access log will say about the exchange in progress.
struct OpenRecord {
    var method: String
    var requestID: RequestID
    var keyName: String?
    var target: String
    var status: HTTPResponse.Status?
    var bodyBytes = 0
    var startNanoseconds: UInt64
}

/// What a connection waits for, and until when.
struct Deadline {
    enum Kind {
        case none
        case handshake
        case idle
        case head
        case body
        case reader
        case linger
    }

    var kind = Kind.none
    /// The exchange during which the wait began.
    var exchangeNumber: UInt32 = 0
    /// When the wait began.
    var startTick: UInt64 = 0
    /// When it is over; `.max` for never.
    var tick = UInt64.max
    /// Where the connection stands on the timer wheel; `.max` for nowhere.
    var armedTick = UInt64.max
}
