// SPDX-License-Identifier: Apache-2.0

package import Decoding

/// What a benchmark measures: every combination of what is listed.
package struct BenchmarkOptions: Sendable {
    /// Tokens of a prompt; 0 stands for no such measure.
    package var promptTokenCounts = [512]
    /// Tokens generated one by one; 0 stands for no such measure.
    package var generatedTokenCounts = [128]
    /// Sequences that decode at once.
    package var batchCounts = [1]
    /// Positions computed before the measured part.
    package var depths = [0]
    package var threadCounts: [Int]
    package var repetitionCount = 5
    /// Rows of one prefill step.
    package var chunkTokenCount = 512
    package var kvType = KVType.standard

    package init(threadCounts: [Int]) { self.threadCounts = threadCounts }

    /// The measures for one count of threads, in the order of the rows.
    package var tests: [BenchmarkTest] {
        depths.flatMap { depth in
            let prefills = promptTokenCounts.map {
                BenchmarkTest(kind: .prefill, tokenCount: $0, batchCount: 1, depth: depth)
            }
            let decodes = generatedTokenCounts.flatMap { count in
                batchCounts.map {
                    BenchmarkTest(kind: .decode, tokenCount: count, batchCount: $0, depth: depth)
                }
            }
            return (prefills + decodes).filter { $0.tokenCount > 0 }
        }
    }
}
