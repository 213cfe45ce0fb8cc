// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Synchronization

/// The bounded way into the engine thread: any thread posts, the engine takes.
final class EngineMailbox: Sendable {
    enum Message: Sendable {
        case submit(GenerationRequest)
        case cancel(RequestID)
        case stop
    }

    private let messages = Mutex<[Message]>([])
    private let arrivals = DispatchSemaphore(value: 0)
    private let maxSubmissionCount: Int

    /// A mailbox that holds at most `maxSubmissionCount` requests; cancellations always fit.
    init(maxSubmissionCount: Int) {
        self.maxSubmissionCount = maxSubmissionCount
    }

    /// Posts a request; false when the mailbox is full.
    func submit(_ request: GenerationRequest) -> Bool {
        let isTaken = messages.withLock { messages in
            guard messages.count < maxSubmissionCount else { return false }
            messages.append(.submit(request))
            return true
        }
        if isTaken { arrivals.signal() }
        return isTaken
    }

    /// Ends a request wherever it is.
    func cancel(_ id: RequestID) {
        messages.withLock { $0.append(.cancel(id)) }
        arrivals.signal()
    }

    /// Ends the engine's loop.
    func stop() {
        messages.withLock { $0.append(.stop) }
        arrivals.signal()
    }

    /// All messages in order; waits for one first when the engine has nothing else to do.
    func take(waiting: Bool) -> [Message] {
        if waiting { arrivals.wait() }
        return messages.withLock { messages in
            defer { messages = [] }
            return messages
        }
    }
}
