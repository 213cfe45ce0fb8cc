// SPDX-License-Identifier: Apache-2.0

package import Decoding
internal import Tokenization

/// Generates one continuation on the calling thread, without a server.
package struct Generation {
    /// How long a run took.
    package struct Timing: Sendable {
        package let promptTokenCount: Int
        package let promptTime: Duration
        package let generatedTokenCount: Int
        package let generationTime: Duration

        /// "prompt 5 tokens, 812.0 t/s; generated 32 tokens, 250.0 t/s".
        package var line: String {
            func speed(_ count: Int, _ time: Duration) -> String {
                let perSecond = Double(count) / max(1e-9, time / .seconds(1))
                return "\(count) tokens, \((perSecond * 10).rounded() / 10) t/s"
            }
            return "prompt \(speed(promptTokenCount, promptTime)); "
                + "generated \(speed(generatedTokenCount, generationTime))"
        }
    }

    private let language: LanguageModel
    private let team: ThreadTeam

    package init(_ language: LanguageModel, team: ThreadTeam) {
        self.language = language
        self.team = team
    }

    /// Bytes of keys and values that a run takes at most: a token has a byte at least.
    package static func kvBytes(
        _ requirements: ModelRequirements, prompt: String, maxTokenCount: Int
    ) -> Int {
        let (length, overflows) = (prompt.utf8.count + 1).addingReportingOverflow(maxTokenCount)
        let positionCount =
            overflows ? requirements.contextLength : min(length, requirements.contextLength)
        return requirements.wholeKVBytes(.standard, positionCount: positionCount)
    }

    /// Continues `prompt` by up to `maxTokenCount` tokens, handing out text as whole characters.
    ///
    /// - Throws: `ModelError` when prompt and answer exceed the model's context, or memory is short.
    package func run(
        prompt: String, maxTokenCount: Int, sampling: SamplingParameters,
        emit: ([UInt8]) -> Void
    ) throws(ModelError) -> Timing {
        let tokens: [Int32]
        do {
            tokens = try language.tokenizer.encode(prompt, addSpecial: true, parseSpecial: true)
        } catch { throw .tokenizer("\(error)") }
        guard !tokens.isEmpty else { throw .unsupported("an empty prompt: this model has no BOS") }
        let (length, overflows) = tokens.count.addingReportingOverflow(maxTokenCount)
        guard !overflows, length <= language.model.contextLength else {
            throw .unsupported(
                "\(tokens.count) prompt and \(maxTokenCount) new tokens in a context of "
                    + "\(language.model.contextLength)")
        }
        let runner = try ModelRunner(
            language.model, team: team, maxTokenCount: min(512, tokens.count),
            kvBlockCount: language.model.kvGroups.count * ((length + 15) / 16))
        return run(tokens, runner, maxTokenCount, sampling, emit)
    }

    private func run(
        _ prompt: [Int32], _ runner: ModelRunner, _ maxTokenCount: Int,
        _ sampling: SamplingParameters, _ emit: ([UInt8]) -> Void
    ) -> Timing {
        var sampler = Sampler(sampling, prompt: prompt)
        var detokenizer = Detokenizer(language.tokenizer, continuesText: true)
        let clock = ContinuousClock()
        let start = clock.now
        var token = prefill(prompt, runner, &sampler)
        let prefilled = clock.now
        var count = 0
        while count < maxTokenCount,
            !language.tokenizer.vocabulary.endOfGenerationIDs.contains(token)
        {
            emit(detokenizer.text(appending: token))
            count += 1
            guard count < maxTokenCount else { break }
            token = sample(
                CollectionOfOne(token), at: prompt.count + count - 1,
                promptTokenCount: prompt.count, runner, &sampler)
        }
        emit(detokenizer.finish())
        return Timing(
            promptTokenCount: prompt.count, promptTime: prefilled - start,
            generatedTokenCount: count, generationTime: clock.now - prefilled)
    }

    private func prefill(
        _ prompt: [Int32], _ runner: ModelRunner, _ sampler: inout Sampler
    ) -> Int32 {
        var start = 0
        while prompt.count - start > runner.maxTokenCount {
            let end = start + runner.maxTokenCount
            runner.append(
                tokens: prompt[start..<end], startPosition: start,
                blockTables: 0..<Int32(runner.kvBlockCount), logitsRowCount: 0)
            runner.run { _ in }
            start = end
        }
        return sample(
            prompt[start...], at: start, promptTokenCount: prompt.count, runner, &sampler)
    }

    private func sample(
        _ tokens: some Collection<Int32>, at position: Int, promptTokenCount: Int,
        _ runner: ModelRunner, _ sampler: inout Sampler
    ) -> Int32 {
        runner.append(
            tokens: tokens, startPosition: position, promptTokenCount: promptTokenCount,
            blockTables: 0..<Int32(runner.kvBlockCount), logitsRowCount: 1)
        var token: Int32 = 0
        var candidates = Sampler.Candidates()
        runner.run { row in token = sampler.sample(row.logits, among: &candidates) }
        return token
    }
}
