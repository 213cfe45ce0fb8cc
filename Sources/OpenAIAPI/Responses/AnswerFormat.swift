// SPDX-License-Identifier: Apache-2.0

/// How choices and usage are written: as a completion or as a chat completion, whole or as a stream.
package protocol AnswerFormat: Sendable {
    /// What a stream begins with, before any token.
    mutating func openingFrames() -> [[UInt8]]
    /// The frame of a stream that adds to one choice; nil where there is nothing to say yet.
    mutating func frame(_ choice: CompletionChoice) -> [UInt8]?
    /// The frame before `[DONE]` that holds the usage; only if usage was asked for.
    func usageFrame(_ usage: Usage) -> [UInt8]
    /// The body of an answer that is no stream.
    mutating func body(_ choices: [CompletionChoice], usage: Usage) -> [UInt8]
}

/// The shape of `/v1/completions`.
package struct CompletionFormat: AnswerFormat {
    private let envelope: CompletionEnvelope
    private let stream: CompletionStream

    /// Answers that all carry `envelope`.
    package init(envelope: CompletionEnvelope, includesUsage: Bool) {
        self.envelope = envelope
        stream = CompletionStream(envelope: envelope, includesUsage: includesUsage)
    }

    /// Nothing.
    package mutating func openingFrames() -> [[UInt8]] { [] }

    /// A chunk with the choice.
    package mutating func frame(_ choice: CompletionChoice) -> [UInt8]? { stream.frame(choice) }

    /// A chunk with the usage.
    package func usageFrame(_ usage: Usage) -> [UInt8] { stream.usageFrame(usage) }

    /// The whole completion.
    package mutating func body(_ choices: [CompletionChoice], usage: Usage) -> [UInt8] {
        CompletionResponse(envelope: envelope, choices: choices, usage: usage).body
    }
}
