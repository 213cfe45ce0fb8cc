// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Synchronization

/// The bounded way into the engine thread: any thread posts, the engine takes.
final class EngineMailbox: Sendable {
    enum Message: Sendable {
        case submit(GenerationRequest)
        /// A client left at this time.
        case cancel(RequestID, ContinuousClock.Instant)
        case stop
    }

    private struct State: Sendable {
        var messages: [Message] = []
        /// How many of the messages are requests.
        var submissionCount = 0
    }

    private let state = Mutex(State())
    private let arrivals = DispatchSemaphore(value: 0)
    private let maxSubmissionCount: Int

    /// A mailbox that holds at most `maxSubmissionCount` requests; cancellations always fit.
    init(maxSubmissionCount: Int) {
        self.maxSubmissionCount = maxSubmissionCount
    }

    /// Posts a request; false when the mailbox is full.
    func submit(_ request: GenerationRequest) -> Bool {
        let isTaken = state.withLock { state in
            guard state.submissionCount < maxSubmissionCount else { return false }
            state.submissionCount += 1
            state.messages.append(.submit(request))
            return true
        }
        if isTaken { arrivals.signal() }
        return isTaken
    }

    /// Ends a request wherever it is.
    func cancel(_ id: RequestID) {
        state.withLock { $0.messages.append(.cancel(id, .now)) }
        arrivals.signal()
    }

    /// Ends the engine's loop.
    func stop() {
        state.withLock { $0.messages.append(.stop) }
        arrivals.signal()
    }

    /// All messages in order; waits for one first when the engine has nothing else to do.
    func take(waiting: Bool) -> [Message] {
        if waiting { arrivals.wait() }
        // What was posted before it was signalled is taken below: its signal would wake an idle engine for
        // nothing.
        while arrivals.wait(timeout: .now()) == .success {}
        return state.withLock { state in
            defer { state = State() }
            return state.messages
        }
    }
}
