// SPDX-License-Identifier: Apache-2.0

/// How the next token is drawn, with vLLM's meanings and OpenAI's defaults.
package struct SamplingOptions: Sendable, Equatable {
    /// 0 is greedy; above 2 there is little but noise left, which is the client's choice.
    package var temperature = 1.0
    /// The probability mass of the nucleus; 0 leaves only the most likely token.
    package var topP = 1.0
    /// How many of the most likely tokens take part; nil is all.
    package var topK: Int?
    /// The least probability relative to the most likely token's; 0 is off.
    package var minP = 0.0
    /// The probability mass of the tokens whose information is nearest to the expected one; 1 is off.
    package var typicalP = 1.0
    /// Divides (or multiplies) the logits of tokens seen in prompt and answer; 1 is off.
    package var repetitionPenalty = 1.0
    /// Subtracted once from the logits of tokens seen in the answer.
    package var presencePenalty = 0.0
    /// Subtracted from the logits of the answer's tokens, once per occurrence.
    package var frequencyPenalty = 0.0
    /// Added to the logits of single tokens, −100 … 100.
    package var logitBias: [Int32: Double] = [:]
    /// Makes the draw repeatable; nil asks for a fresh seed.
    package var seed: Int64?

    /// The defaults.
    package init() {}

    /// Reads the value of `field` if it is one of these options, and says whether it was.
    mutating func read(
        _ field: String, from reader: inout JSONReader, limits: CompletionLimits
    ) throws(APIError) -> Bool {
        switch field {
        case "temperature": temperature = try reader.readNumber(field, in: 0...100)
        case "top_p": topP = try reader.readNumber(field, in: 0...1)
        case "top_k":
            let count = try reader.readCount(field, in: -1...Int(Int32.max))
            topK = count > 0 ? count : nil
        case "min_p": minP = try reader.readNumber(field, in: 0...1)
        case "typical_p": typicalP = try reader.readNumber(field, in: 0...1)
        case "repetition_penalty":
            repetitionPenalty = try reader.readNumber(
                field, in: 0...100, excludesLowerBound: true)
        case "presence_penalty": presencePenalty = try reader.readNumber(field, in: -2...2)
        case "frequency_penalty": frequencyPenalty = try reader.readNumber(field, in: -2...2)
        case "logit_bias":
            logitBias = try reader.readLogitBias(maxCount: limits.maxLogitBiasCount)
        case "seed": seed = try reader.readInteger(field, in: Int64.min...Int64.max)
        default: return false
        }
        return true
    }
}

extension JSONReader {
    fileprivate mutating func readLogitBias(maxCount: Int) throws(APIError) -> [Int32: Double] {
        var biases: [Int32: Double] = [:]
        try beginObject("logit_bias")
        while let key = try nextKey() {
            guard let id = Self.tokenID(spelled: key) else {
                throw .invalid(
                    "logit_bias", wanted: "decimal token ids as keys",
                    found: "\"\(APIError.clipped(key))\"")
            }
            guard biases.count < maxCount else {
                throw .invalid("logit_bias", wanted: "at most \(maxCount) entries", found: "more")
            }
            biases[id] = try readNumber("logit_bias[\(id)]", in: -100...100)
        }
        return biases
    }

    /// The one spelling of an id: no sign, no leading zeros, so that two keys are two ids.
    private static func tokenID(spelled key: String) -> Int32? {
        guard let id = Int32(key), id >= 0, String(id) == key else { return nil }
        return id
    }
}
