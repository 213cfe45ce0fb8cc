// SPDX-License-Identifier: Apache-2.0

internal import Decoding

extension ModelRunner {
    /// Runs one sequence from position 0 in chunks of as many tokens as a step takes.
    ///
    /// `visit` gets each token's index and the logits [V] after it, on any thread of the team, several
    /// at a time.
    func runChunks(
        of tokens: ArraySlice<Int32>, visit: (Int, UnsafeMutableBufferPointer<Float>) -> Void
    ) {
        for start in stride(from: 0, to: tokens.count, by: maxTokenCount) {
            let chunk = tokens.dropFirst(start).prefix(maxTokenCount)
            append(
                tokens: chunk, startPosition: start,
                blockTables: Int32(0)..<Int32(kvBlockCount), logitsRowCount: chunk.count)
            run { row in visit(start + row.index, row.logits) }
        }
    }
}
