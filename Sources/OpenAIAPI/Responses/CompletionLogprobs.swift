// SPDX-License-Identifier: Apache-2.0

/// One candidate for a position, with its log-probability.
package struct CandidateLogprob: Sendable, Equatable {
    /// The token.
    package var id: Int32
    /// The token's text, U+FFFD where it is not whole characters.
    package var text: String
    /// The token's bytes, which its text may not show.
    package var bytes: [UInt8]
    /// Natural logarithm of the probability; may be −∞.
    package var logprob: Double

    /// A candidate as given; without bytes, those of the text.
    package init(id: Int32, text: String, bytes: [UInt8]? = nil, logprob: Double) {
        self.id = id
        self.text = text
        self.bytes = bytes ?? Array(text.utf8)
        self.logprob = logprob
    }
}

/// One token of a choice as `logprobs` reports it.
package struct TokenLogprob: Sendable, Equatable {
    /// The token.
    package var id: Int32
    /// The token's text.
    package var text: String
    /// The token's bytes, which its text may not show.
    package var bytes: [UInt8]
    /// Its log-probability; nil for the first token of an echoed prompt, which nothing precedes.
    package var logprob: Double?
    /// The candidates, most likely first; nil where `logprob` is.
    package var candidates: [CandidateLogprob]?
    /// Unicode scalars of the choice's text that precede the token.
    package var textOffset: Int

    /// A token as given; without bytes, those of the text.
    package init(
        id: Int32, text: String, bytes: [UInt8]? = nil, logprob: Double?,
        candidates: [CandidateLogprob]?,
        textOffset: Int
    ) {
        self.id = id
        self.text = text
        self.bytes = bytes ?? Array(text.utf8)
        self.logprob = logprob
        self.candidates = candidates
        self.textOffset = textOffset
    }
}

/// The `logprobs` object of a choice or of a chunk, in the shape of the legacy completions API.
package struct CompletionLogprobs: Sendable, Equatable {
    /// −∞ has no spelling in JSON; vLLM writes this number for it and for anything below.
    package static let leastLogprob = -9999.0

    /// The tokens in order.
    package var tokens: [TokenLogprob]
    /// Whether tokens are named `token_id:N` instead of by their text.
    package var namesTokensByID: Bool

    /// The `logprobs` of these tokens.
    package init(tokens: [TokenLogprob], namesTokensByID: Bool = false) {
        self.tokens = tokens
        self.namesTokensByID = namesTokensByID
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("tokens")
        writer.array(tokens) { $0.string(name(of: $1.id, $1.text)) }
        writer.key("token_logprobs")
        writer.array(tokens) { writer, token in
            if let logprob = token.logprob {
                writer.double(clipped(logprob))
            } else {
                writer.null()
            }
        }
        writer.key("top_logprobs")
        writer.array(tokens) { writer, token in
            if let candidates = candidates(of: token) {
                write(candidates, to: &writer)
            } else {
                writer.null()
            }
        }
        writer.key("text_offset")
        writer.array(tokens) { $0.integer($1.textOffset) }
        writer.endObject()
    }

    /// The candidates and, as in OpenAI's API and vLLM, the token itself where it is not one of them.
    private func candidates(of token: TokenLogprob) -> [CandidateLogprob]? {
        guard let candidates = token.candidates, let logprob = token.logprob,
            !candidates.contains(where: { $0.id == token.id })
        else { return token.candidates }
        let own = CandidateLogprob(
            id: token.id, text: token.text, bytes: token.bytes, logprob: logprob)
        return candidates + [own]
    }

    /// Writes the object from token to log-probability. Tokens of equal text share one key, which
    /// keeps the highest of their values.
    private func write(_ candidates: [CandidateLogprob], to writer: inout JSONWriter) {
        writer.beginObject()
        for (index, candidate) in candidates.enumerated() {
            let name = name(of: candidate.id, candidate.text)
            if candidates[..<index].contains(where: { isSameKey($0, candidate) }) { continue }
            let highest = candidates[index...].lazy
                .filter { isSameKey($0, candidate) }.map(\.logprob).max()
            writer.key(name)
            writer.double(clipped(highest ?? candidate.logprob))
        }
        writer.endObject()
    }

    /// Compares bytes: `==` on strings would merge tokens that only look alike.
    private func isSameKey(_ left: CandidateLogprob, _ right: CandidateLogprob) -> Bool {
        left.id == right.id || (!namesTokensByID && left.text.utf8.elementsEqual(right.text.utf8))
    }

    func name(of id: Int32, _ text: String) -> String {
        namesTokensByID ? "token_id:\(id)" : text
    }

    func clipped(_ logprob: Double) -> Double {
        logprob > Self.leastLogprob ? logprob : Self.leastLogprob
    }
}
