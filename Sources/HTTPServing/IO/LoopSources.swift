// SPDX-License-Identifier: Apache-2.0

internal import Dispatch

/// The two Dispatch sources of a loop: readiness of the epoll set, and time.
struct LoopSources {
    private let readiness: any DispatchSourceRead
    private let timer: any DispatchSourceTimer

    init(
        epoll: EpollSet, queue: DispatchQueue, tickNanoseconds: Int,
        onReady: @escaping @Sendable () -> Void, onTick: @escaping @Sendable () -> Void
    ) {
        readiness = DispatchSource.makeReadSource(fileDescriptor: epoll.descriptor, queue: queue)
        timer = DispatchSource.makeTimerSource(queue: queue)
        readiness.setEventHandler(handler: onReady)
        timer.setEventHandler(handler: onTick)
        timer.schedule(
            deadline: .now() + .nanoseconds(tickNanoseconds),
            repeating: .nanoseconds(tickNanoseconds),
            leeway: .nanoseconds(tickNanoseconds / 2))
        readiness.activate()
        timer.activate()
    }

    /// Ends both; `onEnd` is called when the epoll descriptor may be closed.
    func cancel(onEnd: @escaping @Sendable () -> Void) {
        readiness.setCancelHandler(handler: onEnd)
        timer.cancel()
        readiness.cancel()
    }
}
