// SPDX-License-Identifier: Apache-2.0

/// How the next token is chosen from the logits; the names and defaults are vLLM's.
package struct SamplingParameters: Sendable, Equatable {
    /// Divides the logits; 0 takes the likeliest token.
    package var temperature: Float = 1
    /// Keeps the likeliest `topK` tokens; 0 keeps all.
    package var topK = 0
    /// Keeps the likeliest tokens whose probabilities reach `topP` together; 1 keeps all.
    package var topP: Float = 1
    /// Drops tokens less than `minP` times as likely as the likeliest; 0 drops none.
    package var minP: Float = 0
    /// Keeps the tokens whose −ln P is nearest to its mean, until their probabilities reach `typicalP`
    /// together; 1 keeps all.
    package var typicalP: Float = 1
    /// Divides positive and multiplies negative logits of tokens in the prompt or the output; 1 is none.
    package var repetitionPenalty: Float = 1
    /// Subtracted from the logits of tokens in the output.
    package var presencePenalty: Float = 0
    /// Subtracted from the logits of tokens in the output, once per occurrence.
    package var frequencyPenalty: Float = 0
    /// Added to the logits of tokens.
    package var logitBias: [Int32: Float] = [:]
    /// Tokens that may not be chosen before `minTokenCount` tokens are out.
    package var bannedBeforeMinimum: [Int32] = []
    package var minTokenCount = 0
    /// Decides every random draw.
    package var seed: UInt64 = 0

    package init() {}
}
