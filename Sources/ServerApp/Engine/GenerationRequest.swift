// SPDX-License-Identifier: Apache-2.0

internal import Decoding

/// Names one client request inside the server.
struct RequestID: Hashable, Sendable {
    let rawValue: UInt64
}

/// What the engine generates for one client request: one sequence per choice.
struct GenerationRequest: Sendable {
    /// One sequence to generate.
    struct Choice: Sendable {
        /// Position in the response.
        let index: Int
        let prompt: [Int32]
        let sampling: SamplingParameters
    }

    let id: RequestID
    let choices: [Choice]
    let maxNewTokenCount: Int
    let minNewTokenCount: Int
    /// Alternatives reported per token; nil reports no log-probabilities.
    let logprobCount: Int?
    /// Whether the prompt is part of the answer.
    let echoes: Bool
    let stopStrings: [String]
    let includesStopString: Bool
    let stopTokenIDs: Set<Int32>
    /// Tokens that end an answer by the model's own convention; empty when they are ignored.
    let endTokenIDs: Set<Int32>
    let skipsSpecialTokens: Bool
    let arrival: ContinuousClock.Instant
    /// What clients call the prompt, in errors.
    var promptField = "prompt"
    /// Whether the mean log-probability of each choice is wanted at its end.
    var ranksChoices = false
    /// The name of the API key that the request came with.
    var owner: String?
    /// The share of the work that the owner has in proportion to others, at least 1.
    var weight = 1
    /// Among the owner's requests, lower values are seated first.
    var priority = 0
    /// When the answer is of no use any more.
    var deadline: ContinuousClock.Instant?
    /// What the client wants its prefixes kept apart by.
    var cacheSalt: String?

    /// Whether the log-probabilities of the prompt are part of the answer.
    var scoresPrompt: Bool { echoes && logprobCount != nil }

    /// Consecutive choices that continue the same prompt.
    var prompts: [[Choice]] {
        choices.reduce(into: []) { prompts, choice in
            if prompts.last?.last?.prompt == choice.prompt {
                prompts[prompts.count - 1].append(choice)
            } else {
                prompts.append([choice])
            }
        }
    }
}
