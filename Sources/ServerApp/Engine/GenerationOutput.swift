// SPDX-License-Identifier: Apache-2.0

internal import OpenAIAPI

/// What the engine tells the I/O loop about a request.
struct GenerationOutput: Sendable {
    enum Content: Sendable {
        /// The request was refused, when it came or while it waited, or cannot be finished.
        case failed(APIError)
        /// New text of one choice, and its end.
        case delta(ChoiceDelta)
    }

    let request: RequestID
    let content: Content
}

/// What a step adds to one choice.
struct ChoiceDelta: Sendable {
    let index: Int
    var text = ""
    var logprobs: [TokenLogprob] = []
    var tokenIDs: [Int32] = []
    var finish: Finish?
    /// At the end, the positions of the prompt that others had computed.
    var cachedTokenCount = 0
    /// At the end, over the generated tokens; means something where the request ranks its choices.
    var meanLogProbability = 0.0

    /// Why a choice ended.
    struct Finish: Sendable {
        let reason: FinishReason
        var stopReason: StopReason?
    }
}
