// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import ModelFile

/// What one repetition of a test reads and multiplies at least.
package struct BenchmarkWork: Sendable {
    /// Bytes of weights that the steps read, as the runner counts them.
    package let weightBytes: Int
    /// Bytes of keys and values: of each sequence in each step, all that its queries see, once.
    package let kvBytes: Int
    /// Operations of the weight matrices, two for each multiply-accumulate. Attention, which is in
    /// float32, does not count.
    package let operations: Double
}

extension BenchmarkWork {
    /// What each token and each row of logits is multiplied with.
    struct Parameters {
        let body: Int
        let output: Int

        init(_ file: GGUFFile, _ summary: ModelSummary) {
            let matrix = file.tensor("output.weight") ?? file.tensor("token_embd.weight")
            output = matrix?.elementCount ?? 0
            body = max(0, summary.activeParameterCount - output)
        }
    }

    init(
        _ test: BenchmarkTest, chunkTokenCount: Int, weightBytes: Int, model: Model,
        kvType: KVType, parameters: Parameters
    ) {
        self.weightBytes = weightBytes
        let groupBytes = model.kvBlockBytes(kvType) / 16
        var positionCount = 0
        for step in test.steps(chunkTokenCount: chunkTokenCount) {
            for span in model.kvGroups {
                positionCount += step.upperBound - span.firstPosition(for: step.lowerBound)
            }
        }
        kvBytes = positionCount * groupBytes * test.batchCount
        let logitsRowCount = test.kind == .prefill ? 1 : test.totalTokenCount
        operations =
            2 * Double(parameters.body) * Double(test.totalTokenCount)
            + 2 * Double(parameters.output) * Double(logitsRowCount)
    }
}
