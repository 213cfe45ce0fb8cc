// SPDX-License-Identifier: Apache-2.0

/// Why a choice ended, in the words of OpenAI and vLLM.
package enum FinishReason: String, Sendable {
    /// The end-of-sequence token, a stop token or a stop string.
    case stop
    /// `max_tokens` or the end of the context.
    case length
    /// `deadline_ms` has passed.
    case timeout
    /// The request was given up; a label in the metrics, for nobody is left to read a response.
    case abort
}

/// What exactly stopped a choice, vLLM's `stop_reason`; absent for the end-of-sequence token.
package enum StopReason: Sendable, Equatable {
    /// A string of `stop`.
    case string(String)
    /// An id of `stop_token_ids`.
    case token(Int32)
}
