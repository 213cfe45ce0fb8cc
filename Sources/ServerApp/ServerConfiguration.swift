// SPDX-License-Identifier: Apache-2.0

package import Decoding
package import OpenAIAPI

/// What `apus serve` can be told.
package struct ServerConfiguration: Sendable {
    /// The id that requests name; nil takes the file's name.
    package var modelName: String?
    package var host = "127.0.0.1"
    /// 0 lets the system choose.
    package var port: UInt16 = 8080
    /// nil takes what the process may use.
    package var threadCount: Int?
    package var loading = LoadingOptions()
    /// Sequences that generate at the same time.
    package var parallelCount = 32
    /// Longest prompt and answer together; nil takes the model's.
    package var contextLength: Int?
    package var kvType = KVType.f16
    /// Bytes of the KV pool; nil takes what the sequences can use, at most half of what is left.
    package var kvBytes: Int?
    /// Choices that wait at most.
    package var maxWaitingCount = 512
    /// Tokens of one step.
    package var stepTokenCount = 512
    /// Prefill tokens of a step in which others decode.
    package var prefillTokenCountWhileDecoding = 256
    /// A file with the chat template to use in place of the model's.
    package var chatTemplatePath: String?
    /// Which of the model's chat templates to use; nil takes the default.
    package var chatTemplateName: String?
    package var unknownFields = UnknownFieldPolicy.warn
    /// Time that running requests get after SIGTERM.
    package var gracePeriod = Duration.seconds(30)

    package init() {}
}

/// Why the server does not start.
package enum ServerError: Error {
    case model(ModelError)
    /// The configuration contradicts itself or the machine.
    case configuration(String)
    case listening(String)
}
