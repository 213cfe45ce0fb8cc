// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import OpenAIAPI

extension RoutedTokens {
    /// The answer to `GET /debug/experts`.
    var body: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("experts_per_token")
        writer.integer(activeExpertCount)
        writer.key("layers")
        writer.beginArray()
        for layer in layers {
            writer.beginObject()
            writer.key("layer")
            writer.integer(layer.index)
            writer.key("tokens")
            writer.beginArray()
            for count in layer.tokenCounts { writer.integer(count) }
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }
}
