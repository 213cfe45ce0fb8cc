// SPDX-License-Identifier: Apache-2.0

internal import CEpoll
internal import Glibc

/// What a socket is ready for.
struct Readiness: OptionSet {
    let rawValue: UInt32

    static let output = Readiness(rawValue: UInt32(READINESS_OUTPUT.rawValue))
    static let error = Readiness(rawValue: UInt32(READINESS_ERROR.rawValue))
    static let hangUp = Readiness(rawValue: UInt32(READINESS_HANGUP.rawValue))
    static let peerFinished = Readiness(rawValue: UInt32(READINESS_PEER_FINISHED.rawValue))
    /// Anything that a read would tell more about.
    static let input = Readiness(
        rawValue: UInt32(READINESS_INPUT.rawValue)
    ).union([error, hangUp, peerFinished])
}

/// The sockets of one loop and which of them are ready; all that knows of epoll.
///
/// Connections are watched edge-triggered, once for their life: who is told of readiness must go on
/// until the call would block.
final class EpollSet {
    private(set) var descriptor: Int32
    private let ready: UnsafeMutablePointer<readiness>

    init() throws(SystemError) {
        descriptor = try SystemCall.run("epoll_create1") { epoll_set_make() }
        ready = .allocate(capacity: MAX_READINESS_BATCH)
    }

    deinit {
        ready.deallocate()
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
    }

    /// Watches a connection for everything, edge-triggered.
    func add(_ socket: Socket, token: UInt64) throws(SystemError) {
        try SystemCall.run("epoll_ctl") {
            epoll_set_add(descriptor, socket.descriptor, token, 1)
        }
    }

    /// Watches a listener for as long as connections wait in it, level-triggered.
    func add(_ listener: Listener, token: UInt64) throws(SystemError) {
        try SystemCall.run("epoll_ctl") {
            epoll_set_add(descriptor, listener.descriptor, token, 0)
        }
    }

    func remove(_ listener: Listener) {
        _ = epoll_set_remove(descriptor, listener.descriptor)
    }

    /// Calls `body` for each ready socket, one batch; the number of them.
    func poll(_ body: (_ token: UInt64, _ readiness: Readiness) -> Void) -> Int {
        let count = Int(epoll_set_poll(descriptor, ready, Int32(MAX_READINESS_BATCH)))
        for index in 0..<max(count, 0) {
            body(ready[index].token, Readiness(rawValue: ready[index].events))
        }
        return max(count, 0)
    }

    /// Ends the set; who watched its descriptor closes it.
    func release() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }
}
