// SPDX-License-Identifier: Apache-2.0

/// The body of `POST /detokenize`, the same for vLLM and llama.cpp.
package struct DetokenizeRequest: Sendable, Equatable {
    /// The model asked for; nil means the one that is served.
    package private(set) var model: String?
    /// The ids; may be empty.
    package private(set) var tokens: [Int32] = []
    /// The unknown fields that were not honoured.
    package private(set) var ignoredParams = IgnoredParams()

    /// Decodes a body.
    ///
    /// - Throws: `APIError` 400, whose `param` is the field, for everything that is wrong with it.
    package static func decode(
        _ body: [UInt8], vocabularyCount: Int, limits: CompletionLimits = CompletionLimits(),
        unknownFields: UnknownFieldPolicy = .warn
    ) throws(APIError) -> DetokenizeRequest {
        var request = DetokenizeRequest()
        var tokens: [Int32]?
        try JSONReader.readBody(body) { (field, reader) throws(APIError) in
            switch field {
            case "model": request.model = try reader.readText(field)
            case "tokens": tokens = try reader.readTokenIDs(field)
            default:
                try request.ignoredParams.skip(
                    field, in: &reader, policy: unknownFields,
                    maxCount: limits.maxUnknownFieldCount)
            }
        }
        guard let tokens else {
            throw .invalid("tokens", "tokens: wanted, but the body has none")
        }
        try CompletionRequest.check(tokens, "tokens", vocabularyCount: vocabularyCount)
        request.tokens = tokens
        return request
    }
}
