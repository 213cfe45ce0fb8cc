// SPDX-License-Identifier: Apache-2.0

/// How much one completion request may ask for; beyond a limit it is a 400 that names the field.
package struct CompletionLimits: Sendable, Equatable {
    /// Prompts in one request.
    package var maxPromptCount = 256
    /// `n` and `best_of`: choices per prompt, as in OpenAI's API.
    package var maxChoicesPerPrompt = 128
    /// Prompts times `best_of`: sequences that one request puts into the queue.
    package var maxChoiceCount = 512
    /// Messages of a conversation.
    package var maxMessageCount = 4096
    /// Parts of a message's content.
    package var maxContentPartCount = 1024
    /// Strings in `stop`.
    package var maxStopStringCount = 16
    /// UTF-8 bytes of one stop string, which is also what a stream may hold back.
    package var maxStopStringBytes = 1024
    /// UTF-8 bytes of `cache_salt`.
    package var maxCacheSaltBytes = 256
    /// `deadline_ms`: a day.
    package var maxDeadlineMilliseconds = 86_400_000
    /// Ids in `stop_token_ids`.
    package var maxStopTokenCount = 128
    /// Entries of `logit_bias`.
    package var maxLogitBiasCount = 1024
    /// `logprobs`: alternatives per token.
    package var maxLogprobCount = 20
    /// Unknown fields of one request; more are refused under every policy.
    package var maxUnknownFieldCount = 64

    /// The defaults.
    package init() {}
}
