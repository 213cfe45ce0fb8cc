// SPDX-License-Identifier: Apache-2.0

internal import Decoding

/// The sequences of a benchmark: each has its own tokens and its own KV blocks, and keeps what it has
/// computed of a context for the measures that follow.
struct BenchmarkSequences {
    private let runner: ModelRunner
    private let chunkTokenCount: Int
    private let layout: BenchmarkLayout
    /// Positions of each that are as the context's prefill left them.
    private var contextLengths: [Int]

    init(runner: ModelRunner, layout: BenchmarkLayout, chunkTokenCount: Int) {
        self.runner = runner
        self.layout = layout
        self.chunkTokenCount = chunkTokenCount
        contextLengths = Array(repeating: 0, count: layout.sequenceCount)
    }

    /// Computes the test's context where it is not there yet.
    mutating func prepare(_ test: BenchmarkTest) {
        for sequence in 0..<test.batchCount {
            let missing = contextLengths[sequence]..<max(contextLengths[sequence], test.depth)
            for start in stride(from: missing.lowerBound, to: test.depth, by: chunkTokenCount) {
                let end = min(test.depth, start + chunkTokenCount)
                append(sequence, start..<end, promptTokenCount: end, logitsRowCount: 0)
                runner.run { _ in }
            }
            // What comes after the context is written over by the measures.
            contextLengths[sequence] = test.depth
        }
    }

    /// Computes the test's tokens, or only those of its first `maxStepCount` steps.
    func run(_ test: BenchmarkTest, maxStepCount: Int = .max) {
        let isPrefill = test.kind == .prefill
        for step in test.steps(chunkTokenCount: chunkTokenCount).prefix(maxStepCount) {
            for sequence in 0..<test.batchCount {
                append(
                    sequence, step, promptTokenCount: isPrefill ? step.upperBound : test.depth,
                    logitsRowCount: !isPrefill || step.upperBound == test.positionCount ? 1 : 0)
            }
            runner.run { _ in }
        }
    }

    private func append(
        _ sequence: Int, _ positions: Range<Int>, promptTokenCount: Int, logitsRowCount: Int
    ) {
        runner.append(
            tokens: positions.map { token(sequence, $0) }, startPosition: positions.lowerBound,
            promptTokenCount: promptTokenCount, blockTables: layout.blocks[sequence],
            logitsRowCount: logitsRowCount)
    }

    /// The same pseudo-random token in every run, so that experts are chosen alike (SplitMix64's mixing,
    /// Steele et al. 2014).
    private func token(_ sequence: Int, _ position: Int) -> Int32 {
        var bits = UInt64(sequence) << 32 | UInt64(position)
        bits = (bits &+ 1) &* 0x9E37_79B9_7F4A_7C15
        bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        return Int32((bits ^ bits >> 31) % UInt64(runner.model.vocabularySize))
    }
}
