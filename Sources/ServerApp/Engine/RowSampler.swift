// SPDX-License-Identifier: Apache-2.0

internal import Decoding

/// Turns the logits of a step's rows into results, on all threads of the team at once.
///
/// Each row writes its own result and changes nothing else, so threads never meet.
final class RowSampler {
    private var results: UnsafeMutableBufferPointer<RowResult>
    /// One row of logits per worker: sampling changes them, log-probabilities need them unchanged.
    private let copies: [UnsafeMutableBufferPointer<Float>]
    /// One per worker.
    private let candidates: UnsafeMutableBufferPointer<Sampler.Candidates>

    /// `maxRowCount` rows, each counted as often as sequences sample from it.
    init(maxRowCount: Int, vocabularySize: Int, threadCount: Int) {
        results = .allocate(capacity: maxRowCount)
        results.initialize(repeating: RowResult())
        copies = (0..<threadCount).map { _ in
            let copy = UnsafeMutableBufferPointer<Float>.allocate(capacity: vocabularySize)
            copy.initialize(repeating: 0)
            return copy
        }
        candidates = .allocate(capacity: threadCount)
        candidates.initialize(repeating: Sampler.Candidates())
    }

    deinit {
        results.deinitialize()
        results.deallocate()
        for copy in copies { copy.deallocate() }
        candidates.deinitialize()
        candidates.deallocate()
    }

    /// Makes room for the results of so many rows.
    func reserve(_ rowCount: Int) {
        guard rowCount > results.count else { return }
        results.deinitialize()
        results.deallocate()
        results = .allocate(capacity: rowCount)
        results.initialize(repeating: RowResult())
    }

    /// The result of the `ordinal`-th row that needed logits.
    func result(_ ordinal: Int) -> RowResult { results[ordinal] }

    /// Samples from the row, or scores the prompt token that follows its `position`.
    func visit(_ row: ModelRunner.Row, of sequence: TokenSequence, position: Int) {
        let request = sequence.request
        guard let logprobCount = request.logprobCount ?? (request.ranksChoices ? 0 : nil) else {
            results[row.ordinal] = RowResult(
                token: choose(row.logits, sequence, position, row.worker))
            return
        }
        let probabilities = LogProbabilities(row.logits)
        let token: Int32
        if let wanted = sequence.promptToken(after: position) {
            token = wanted
        } else {
            let copy = copies[row.worker]
            _ = copy.update(from: row.logits)
            token = choose(copy, sequence, position, row.worker)
        }
        results[row.ordinal] = RowResult(
            token: token, logProbability: probabilities[token],
            top: probabilities.top(logprobCount))
    }

    /// What follows `position`, the guesses up to there taken as right. Several threads may ask the same
    /// sequence, so it stays as it is.
    private func choose(
        _ logits: UnsafeMutableBufferPointer<Float>, _ sequence: TokenSequence, _ position: Int,
        _ worker: Int
    ) -> Int32 {
        var sampler = sequence.sampler
        for token in sequence.guesses.prefix(max(0, position + 1 - sequence.tokens.count)) {
            sampler.remember(token)
        }
        return sampler.choose(logits, among: &candidates[worker])
    }
}
