// SPDX-License-Identifier: Apache-2.0

/// The tokens that a request cost.
package struct Usage: Sendable, Equatable {
    /// Tokens of all prompts, each counted once however many choices it has.
    package var promptTokenCount: Int
    /// Tokens generated for all choices.
    package var completionTokenCount: Int
    /// Prompt tokens whose keys and values came from the prefix cache.
    package var cachedTokenCount: Int

    /// Counts as given.
    package init(promptTokenCount: Int, completionTokenCount: Int, cachedTokenCount: Int = 0) {
        self.promptTokenCount = promptTokenCount
        self.completionTokenCount = completionTokenCount
        self.cachedTokenCount = cachedTokenCount
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("prompt_tokens", promptTokenCount)
        writer.member("completion_tokens", completionTokenCount)
        writer.member("total_tokens", promptTokenCount + completionTokenCount)
        writer.key("prompt_tokens_details")
        writer.beginObject()
        writer.member("cached_tokens", cachedTokenCount)
        writer.endObject()
        writer.endObject()
    }
}
