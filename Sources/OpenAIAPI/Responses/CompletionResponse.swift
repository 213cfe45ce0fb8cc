// SPDX-License-Identifier: Apache-2.0

/// The answer to a completion request that did not ask for a stream.
package struct CompletionResponse: Sendable, Equatable {
    /// Id, time and model.
    package var envelope: CompletionEnvelope
    /// All choices, by index.
    package var choices: [CompletionChoice]
    /// What the request cost.
    package var usage: Usage

    /// The parts as given.
    package init(envelope: CompletionEnvelope, choices: [CompletionChoice], usage: Usage) {
        self.envelope = envelope
        self.choices = choices
        self.usage = usage
    }

    /// The response body.
    package var body: [UInt8] {
        var writer = JSONWriter(reservedBytes: 1024)
        envelope.writeOpening(to: &writer)
        writer.array(choices) { $1.write(to: &$0) }
        writer.key("usage")
        usage.write(to: &writer)
        writer.endObject()
        return writer.bytes
    }
}
