// SPDX-License-Identifier: Apache-2.0

internal import Decoding

/// Turns the logits of a step's rows into results, on all threads of the team at once.
///
/// Each row writes its own result, and at most one row of a sequence samples, so threads never meet.
final class RowSampler {
    private var results: UnsafeMutableBufferPointer<RowResult>
    /// One row of logits per worker: sampling changes them, log-probabilities need them unchanged.
    private let copies: [UnsafeMutableBufferPointer<Float>]

    /// `maxRowCount` rows, each counted as often as sequences sample from it.
    init(maxRowCount: Int, vocabularySize: Int, threadCount: Int) {
        results = .allocate(capacity: maxRowCount)
        results.initialize(repeating: RowResult())
        copies = (0..<threadCount).map { _ in
            let copy = UnsafeMutableBufferPointer<Float>.allocate(capacity: vocabularySize)
            copy.initialize(repeating: 0)
            return copy
        }
    }

    deinit {
        results.deinitialize()
        results.deallocate()
        for copy in copies { copy.deallocate() }
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
            results[row.ordinal] = RowResult(token: sequence.sampler.sample(row.logits))
            return
        }
        let probabilities = LogProbabilities(row.logits)
        let token: Int32
        if let wanted = sequence.promptToken(after: position) {
            token = wanted
        } else {
            let copy = copies[row.worker]
            _ = copy.update(from: row.logits)
            token = sequence.sampler.sample(copy)
        }
        results[row.ordinal] = RowResult(
            token: token, logProbability: probabilities[token],
            top: probabilities.top(logprobCount))
    }
}
