// SPDX-License-Identifier: Apache-2.0

/// A bound on everything that a client could make the server hold.
package struct HTTPServerLimits: Hashable, Sendable {
    /// Bounds of one request message.
    package var message = MessageLimits()
    /// Connections open at once; clamped by the descriptor limit, which is raised to the hard one.
    /// The next client gets 503.
    package var maxConnectionCount = 16_384
    /// Request bytes held over all connections for bodies that are still arriving; 503 above.
    package var maxHeldBodyBytes = 512 << 20
    /// Bytes of a streamed response that wait for a slow reader since before the last turn; above, the
    /// exchange is cancelled. One turn may write more, and an answer given whole is not judged: its route
    /// has bounded it. With as many bytes waiting, no further input of the connection is taken.
    package var maxPendingOutputBytes = 4 << 20
    /// Response bytes that wait for their readers over all connections; from half of them on, a connection's
    /// next request is only taken when nothing waits on it, and above, connections are reset, first the one
    /// that owes most for longest. As many as of requests: a few of the largest answers, some 100 MB each.
    package var maxHeldOutputBytes = 512 << 20
    /// One read, and so what a client may send ahead of an answer that is still awaited.
    package var maxPipelinedBytes = 64 << 10
    /// Bytes read and dropped after a refusal, so that the client sees it rather than a reset.
    package var maxDiscardedBytes = 8 << 20
    /// Completed connections that may wait to be accepted (`listen(2)`).
    package var maxBacklogCount = 4096

    /// From a connection's start to the end of its TLS handshake; it is closed after.
    package var handshakeTimeout = Duration.seconds(10)
    /// From a request's first byte to the end of its head; 408 after.
    package var headTimeout = Duration.seconds(10)
    /// For a body, beside the time that `minBodyBytesPerSecond` allows it; 408 after.
    package var bodyTimeout = Duration.seconds(30)
    /// What a client must send at least, once `bodyTimeout` is used up.
    package var minBodyBytesPerSecond = 16 << 10
    /// Between requests; the connection is closed after.
    package var idleTimeout = Duration.seconds(75)
    /// Without progress on bytes that wait for the reader; the connection is reset after.
    package var stallTimeout = Duration.seconds(30)
    /// For the client to close its side after the server has.
    package var lingerTimeout = Duration.seconds(2)

    /// The defaults.
    package init() {}

    /// The first relation between the limits that does not hold.
    var contradiction: String? {
        let counts = [
            maxConnectionCount, maxHeldBodyBytes, maxPendingOutputBytes, maxHeldOutputBytes,
            maxBacklogCount, minBodyBytesPerSecond, message.maxFieldCount, message.maxBodyBytes,
        ]
        let times = [
            handshakeTimeout, headTimeout, bodyTimeout, idleTimeout, stallTimeout, lingerTimeout,
        ]
        if counts.contains(where: { $0 < 1 }) { return "every limit must be at least 1" }
        if times.contains(where: { $0 <= .zero }) { return "every time-out must be above zero" }
        if maxPipelinedBytes < 1024 { return "maxPipelinedBytes must be at least 1024" }
        if message.maxRequestLineBytes < 16 || message.maxRequestLineBytes > message.maxHeaderBytes
        {
            return "maxRequestLineBytes must be from 16 to maxHeaderBytes"
        }
        if message.maxBodyBytes > maxHeldBodyBytes {
            return "maxBodyBytes must be at most maxHeldBodyBytes"
        }
        if maxPendingOutputBytes > maxHeldOutputBytes / 2 {
            return "maxPendingOutputBytes must be at most half of maxHeldOutputBytes"
        }
        return nil
    }

    /// How coarse time-outs are: an eighth of the shortest, from 5 to 250 ms.
    var tick: Duration {
        let shortest = min(
            handshakeTimeout, headTimeout, bodyTimeout, idleTimeout, stallTimeout, lingerTimeout)
        return min(max(shortest / 8, .milliseconds(5)), .milliseconds(250))
    }
}
