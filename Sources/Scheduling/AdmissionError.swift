// SPDX-License-Identifier: Apache-2.0

/// Why a request was not taken in, with the numbers that the answer to the client needs.
package enum AdmissionError: Error, Equatable {
    /// There is no position to sample from.
    case emptyPrompt
    /// Prompt and new tokens together exceed the context length; trying again cannot help.
    case tooLong(promptTokenCount: Int, maxNewTokenCount: Int, maxSequenceLength: Int)
    /// Even alone the sequence would outgrow the KV pool; trying again cannot help.
    case neverFits(neededBlockCount: Int, poolBlockCount: Int)
    /// The queue is at one of its two limits; trying again later can help.
    case queueFull(
        waitingRequestCount: Int, maxWaitingRequestCount: Int,
        waitingTokenCount: Int, maxWaitingTokenCount: Int)
    /// It would wait for longer than it may; trying again later can help.
    case waitTooLong(waitingRequestCount: Int, inTimeCount: Int)
}

extension AdmissionError: CustomStringConvertible {
    /// The reason with its arithmetic, fit to be shown to the client.
    package var description: String {
        switch self {
        case .emptyPrompt:
            "the prompt holds no tokens"
        case .tooLong(let prompt, let new, let limit):
            "\(prompt) prompt tokens and up to \(new) new tokens exceed the context length of "
                + "\(limit) tokens"
        case .neverFits(let needed, let pool):
            "the sequence may need \(needed) KV blocks, the whole pool has \(pool)"
        case .queueFull(let requests, let maxRequests, let tokens, let maxTokens):
            "\(requests) of \(maxRequests) requests with \(tokens) of \(maxTokens) tokens are "
                + "already waiting"
        case .waitTooLong(let waiting, let inTime):
            "\(waiting) requests are waiting, of which no more than \(inTime) will begin within the "
                + "time that one may wait"
        }
    }
}
