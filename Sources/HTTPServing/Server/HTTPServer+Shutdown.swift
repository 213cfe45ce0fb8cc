// SPDX-License-Identifier: Apache-2.0

internal import Dispatch

extension HTTPServer {
    /// Stops: no new connections, idle ones closed, the others after their response or, when the
    /// grace period is over, cancelled. Returns when the last descriptor is closed.
    ///
    /// A second call while the first one waits ends the grace period.
    package func shutdown(grace: Duration) async {
        if isStopping {
            cancelAll()
        } else {
            beginStopping(grace: grace)
        }
        guard sources != nil else { return }
        await withCheckedContinuation { waiter in
            stopWaiters.append(waiter)
            stopIfDone()
        }
    }

    /// Ends the loop once no connection is left.
    func stopIfDone() {
        guard isStopping, openCount == 0, !stopWaiters.isEmpty, let sources else { return }
        self.sources = nil
        spareDescriptor.close()
        let waiters = stopWaiters
        stopWaiters = []
        let descriptor = Socket(descriptor: epoll.release())
        sources.cancel { @Sendable in
            descriptor.close()
            for waiter in waiters { waiter.resume() }
        }
    }

    private func beginStopping(grace: Duration) {
        isStopping = true
        for listener in listeners.values { listener.close() }
        listeners = [:]
        for case .some(let connection) in connections {
            let isIdle =
                connection.state.phase == .reading && connection.state.progress == .idle
                && connection.pendingOutputBytes == 0 && !connection.hasBacklog
            if isIdle {
                end(connection)
            } else {
                connection.state.endAfterResponse()
            }
        }
        executor.queue.asyncAfter(deadline: .now() + .nanoseconds(grace.nanoseconds)) {
            @Sendable [weak self] in
            guard let self else { return }
            assumeIsolated { server in server.turn { server.cancelAll() } }
        }
    }

    private func cancelAll() {
        for case .some(let connection) in connections { cancel(connection, .shutdown) }
    }
}
