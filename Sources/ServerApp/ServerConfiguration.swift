// SPDX-License-Identifier: Apache-2.0

package import Decoding
package import ModelFile
package import OpenAIAPI

/// What `apus serve` can be told.
package struct ServerConfiguration: Sendable {
    /// Path of the GGUF file, of a split model the first part.
    package var modelPath: String?
    /// Metadata in place of the file's.
    package var metadataOverrides: [MetadataOverride] = []
    /// The id that requests name; nil takes the file's name.
    package var modelName: String?
    package var network = NetworkConfiguration()
    /// nil takes what the process may use.
    package var threadCount: Int?
    /// Bytes of memory to take at most; nil takes what machine and cgroups have left.
    package var memoryBytes: Int?
    package var loading = LoadingOptions()
    /// Sequences that generate at the same time.
    package var parallelCount = 32
    /// Longest prompt and answer together; nil takes the model's.
    package var contextLength: Int?
    package var kvType = KVType.standard
    /// Bytes of the KV pool; nil takes what the sequences can use, at most half of what is left.
    package var kvBytes: Int?
    /// Whether computed prefixes are kept for requests that begin alike.
    package var keepsPrefixes = true
    /// Choices that wait at most.
    package var maxWaitingCount = 512
    /// Time for which a request waits at most until it begins.
    package var maxWait = Duration.seconds(600)
    /// Prompt tokens that wait at most; nil takes 4,096 for each choice, and a full context at least.
    package var maxWaitingTokenCount: Int?
    /// Tokens of one step.
    package var stepTokenCount = 512
    /// Prefill tokens of a step in which others decode, at most.
    package var prefillTokenCountWhileDecoding = 512
    /// What a step in which sequences decode is to end within: prefill has the time that they leave.
    package var maxStepTime = Duration.milliseconds(300)
    /// Whether tokens are guessed and computed ahead where that pays; the output is the same.
    package var speculates = true
    /// A file with the chat template to use in place of the model's.
    package var chatTemplatePath: String?
    /// Which of the model's chat templates to use; nil takes the default.
    package var chatTemplateName: String?
    package var unknownFields = UnknownFieldPolicy.warn
    /// Time that running requests get after SIGTERM.
    package var gracePeriod = Duration.seconds(30)

    package init() {}

    /// The first relation between the settings that does not hold, by their names.
    var contradiction: String? {
        if chatTemplatePath != nil, chatTemplateName != nil {
            return "chat-template-file and chat-template exclude each other"
        }
        if stepTokenCount < parallelCount {
            return
                "step-tokens \(stepTokenCount) is less than parallel \(parallelCount): a step has a "
                + "token of each sequence"
        }
        let keys = metadataOverrides.map(\.key)
        if let key = keys.first(where: { key in keys.count { $0 == key } > 1 }) {
            return "override-kv gives \(key.quoted) more than once"
        }
        return network.contradiction
    }
}

/// Why the server does not start.
package enum ServerError: Error {
    case model(ModelError)
    /// The configuration contradicts itself or the machine.
    case configuration(String)
    case listening(String)
}

extension ServerError: CustomStringConvertible {
    /// One line for the operator.
    package var description: String {
        switch self {
        case .model(let error): "\(error)"
        case .configuration(let message), .listening(let message): message
        }
    }
}
