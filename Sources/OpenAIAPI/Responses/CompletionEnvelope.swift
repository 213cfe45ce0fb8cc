// SPDX-License-Identifier: Apache-2.0

/// What a completion's response and all chunks of its stream have in common.
package struct CompletionEnvelope: Sendable, Equatable {
    /// `cmpl-` or `chatcmpl-`, and a random part.
    package var id: String
    /// Seconds since 1970.
    package var createdAt: Int
    /// The model that answers.
    package var model: String

    /// The parts as given.
    package init(id: String, createdAt: Int, model: String) {
        self.id = id
        self.createdAt = createdAt
        self.model = model
    }

    /// A new id: the prefix and 32 hexadecimal digits.
    package static func makeID(
        prefix: String = "cmpl-", using generator: inout some RandomNumberGenerator
    ) -> String {
        let halves = (0..<2).map { _ in
            let digits = String(generator.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        return prefix + halves.joined()
    }

    /// Opens the response object and writes its members up to the value of `choices`.
    func writeOpening(to writer: inout JSONWriter, object: String = "text_completion") {
        writer.beginObject()
        writer.member("id", id)
        writer.member("object", object)
        writer.member("created", createdAt)
        writer.member("model", model)
        writer.key("choices")
    }
}
