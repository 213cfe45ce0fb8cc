// SPDX-License-Identifier: Apache-2.0

internal import CEpoll
internal import Dispatch

/// Why a server cannot be made.
package enum HTTPServerError: Error, Hashable, Sendable, CustomStringConvertible {
    case contradictoryLimits(String)
    case system(SystemError)

    /// One line for the operator.
    package var description: String {
        switch self {
        case .contradictoryLimits(let contradiction): contradiction
        case .system(let error): "\(error)"
        }
    }
}

/// An HTTP/1.1 server on one serial queue: every socket, parser and response is confined to it.
///
/// Readiness comes from one epoll set that one Dispatch source watches. A *turn* handles a batch of
/// ready sockets, or a closure given to `execute`, and then flushes what was written during it.
package actor HTTPServer {
    /// What the server has done so far; for any thread.
    package nonisolated let counters: ServerCounters
    nonisolated let executor = LoopExecutor(label: "apus.http")
    let configuration: HTTPServerConfiguration
    let limits: HTTPServerLimits

    let epoll: EpollSet
    var sources: LoopSources?
    var listeners: [UInt64: Listener] = [:]
    var listenersArePaused = false
    let spareDescriptor: SpareDescriptor
    /// What new connections of secure listeners take.
    var tlsContext: TLSContext?
    var access: AccessControl?
    var lastRequestNumber: UInt32 = 0
    /// Indexed by descriptor.
    var connections: [Connection?] = []
    var openCount = 0
    var nextGeneration: UInt32 = 0
    /// Request bytes of bodies that are still arriving.
    var heldBodyBytes = 0
    /// Response bytes that clients have not taken yet.
    var heldOutputBytes = 0

    /// What every read goes into first.
    let readBuffer: ReadBuffer
    /// What records are decrypted into.
    lazy var plaintextBuffer = ReadBuffer(
        byteCount: limits.maxPipelinedBytes + TLSSession.maxHeldBytes)
    var dirty: [Connection] = []
    var queued: [Connection] = []
    /// What is being gone through, so that both lists keep their memory; empty between.
    var batch: [Connection] = []
    var isInTurn = false
    var turnIsScheduled = false

    var wheel = TimerWheel()
    let tickNanoseconds: UInt64
    let startNanoseconds = LoopClock.now()
    var dateSecond = 0
    /// The value of the Date field, renewed once a second.
    var date: [UInt8] = []

    var isStopping = false
    var stopWaiters: [CheckedContinuation<Void, Never>] = []

    /// The executor of the loop's queue.
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// A server that does not listen yet and counts in `counters`. One that has listened lives until
    /// `shutdown` returns.
    package init(
        _ configuration: HTTPServerConfiguration, counters: ServerCounters = ServerCounters()
    ) throws(HTTPServerError) {
        if let contradiction = configuration.limits.contradiction {
            throw .contradictoryLimits(contradiction)
        }
        self.configuration = configuration
        self.counters = counters
        access = configuration.access.map(AccessControl.init)
        var limits = configuration.limits
        let descriptorCount = DescriptorLimit.raise()
        let reservedCount = min(Self.maxReservedDescriptorCount, descriptorCount / 4)
        limits.maxConnectionCount = min(limits.maxConnectionCount, descriptorCount - reservedCount)
        self.limits = limits
        do throws(SystemError) {
            epoll = try EpollSet()
            spareDescriptor = try SpareDescriptor()
        } catch {
            throw .system(error)
        }
        tickNanoseconds = UInt64(clamping: limits.tick.nanoseconds)
        readBuffer = ReadBuffer(byteCount: limits.maxPipelinedBytes)
    }

    /// Descriptors left to the rest of the process: files, listeners, refused connections.
    private static let maxReservedDescriptorCount = 256

    /// Listens at one more address, with TLS if there is a context for it; the address with the port that
    /// the system chose.
    package func listen(
        at address: ListenAddress, tls: TLSContext? = nil
    ) throws(ListenError) -> ListenAddress {
        precondition(!isStopping, "a server that was shut down cannot listen again")
        if let tls { tlsContext = tls }
        var listener = try Listener(address, maxBacklog: Int32(clamping: limits.maxBacklogCount))
        listener.isSecure = tls != nil
        let token = Self.listenerMark | UInt64(UInt32(bitPattern: listener.descriptor))
        do throws(SystemError) {
            try epoll.add(listener, token: token)
        } catch {
            listener.close()
            throw .refused(address, error)
        }
        listeners[token] = listener
        activate()
        return listener.address
    }

    /// Takes another certificate, or other authorities, for connections from now on.
    package func replaceTLS(_ context: TLSContext) { tlsContext = context }

    /// Takes other keys for requests from now on.
    package func replaceAccess(_ policy: AccessPolicy) {
        access?.replace(policy)
    }

    /// Runs a closure on the loop as one turn: what it writes is sent together at its end.
    package nonisolated func execute(_ body: @escaping @Sendable (isolated HTTPServer) -> Void) {
        executor.queue.async { @Sendable [self] in
            assumeIsolated { server in server.turn { body(server) } }
        }
    }

    /// Sets listeners' tokens apart from connections', whose descriptors are never negative.
    static let listenerMark: UInt64 = 1 << 63

    private func activate() {
        guard sources == nil else { return }
        renewDate()
        sources = LoopSources(
            epoll: epoll, queue: executor.queue,
            tickNanoseconds: Int(clamping: tickNanoseconds),
            onReady: { @Sendable [self] in assumeIsolated { $0.handleReadiness() } },
            onTick: { @Sendable [self] in assumeIsolated { $0.handleTick() } })
    }
}

extension Duration {
    /// The duration in nanoseconds, as far as they fit.
    var nanoseconds: Int {
        let (seconds, attoseconds) = components
        let (whole, overflow) = Int(clamping: seconds).multipliedReportingOverflow(
            by: 1_000_000_000)
        return overflow ? .max : Int(clamping: whole + Int(attoseconds / 1_000_000_000))
    }
}
