// SPDX-License-Identifier: Apache-2.0

/// The server-sent events of one streamed completion or chat completion.
///
/// What is the same in every chunk is encoded once, so that a frame costs about as much as the text
/// it carries.
package struct CompletionStream: Sendable {
    /// The last frame of a stream that was not cut short.
    package static let done = Array("data: [DONE]\n\n".utf8)

    /// The frame before `[DONE]` of a stream that an error ends.
    package static func errorFrame(_ error: APIError) -> [UInt8] {
        Array("data: ".utf8) + error.body + Array("\n\n".utf8)
    }

    private let opening: [UInt8]
    private let includesUsage: Bool

    /// A stream whose chunks all carry `envelope`, and a `usage` member if usage was asked for; `object` is what
    /// they call themselves.
    package init(
        envelope: CompletionEnvelope, object: String = "text_completion", includesUsage: Bool
    ) {
        var writer = JSONWriter(prefix: Array("data: ".utf8))
        envelope.writeOpening(to: &writer, object: object)
        opening = writer.bytes
        self.includesUsage = includesUsage
    }

    /// The frame that adds to one choice.
    package func frame(_ choice: CompletionChoice) -> [UInt8] {
        chunk(reservedBytes: 128 + choice.text.utf8.count) { choice.write(to: &$0) }
    }

    /// A frame whose one choice `writeChoice` writes; with the ids of the prompt, if they are given.
    func chunk(
        promptTokenIDs: [Int32]? = nil, reservedBytes: Int = 256,
        _ writeChoice: (inout JSONWriter) -> Void
    ) -> [UInt8] {
        var writer = JSONWriter(prefix: opening, reservedBytes: reservedBytes)
        writer.beginArray()
        writeChoice(&writer)
        writer.endArray()
        if includesUsage {
            writer.key("usage")
            writer.null()
        }
        writer.tokenIDs("prompt_token_ids", promptTokenIDs)
        return Self.end(&writer)
    }

    /// The frame before `[DONE]` that holds the usage and no choices; only if usage was asked for.
    package func usageFrame(_ usage: Usage) -> [UInt8] {
        var writer = JSONWriter(prefix: opening)
        writer.beginArray()
        writer.endArray()
        writer.key("usage")
        usage.write(to: &writer)
        return Self.end(&writer)
    }

    private static func end(_ writer: inout JSONWriter) -> [UInt8] {
        writer.endObject()
        writer.appendTail("\n\n")
        return writer.bytes
    }
}
