// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// Chooses the experts of a token: softmax over all experts, then the best few (Switch, GShard, Mixtral).
struct SoftmaxRouter {
    /// [E, H]
    let weight: Matrix
    let activeCount: Int
    /// Whether the chosen weights are scaled to sum to 1.
    let normalizes: Bool

    var expertCount: Int { weight.rowCount }

    /// Writes the chosen experts of every row and their weights into `step.routing`.
    func apply(_ step: Step) {
        let count = step.rowCount
        Linear(weight: weight, bias: nil).apply(
            step.normed, into: step.routing.logits, count: count, step)
        step.team.forEach(step.chunkCount(count)) { chunk, _ in
            for row in step.rows(ofChunk: chunk, count: count) { choose(row: row, step) }
        }
    }

    private func choose(row: Int, _ step: Step) {
        let routing = step.routing
        let scores = routing.logits[row]
        let shift = step.vectors.maximum(scores, expertCount)
        let total = Float(step.vectors.exp(scores, expertCount, shift, 1, scores))
        let chosen = routing.chosen + row * activeCount
        let weights = routing.weights + row * activeCount
        var chosenTotal: Float = 0
        for rank in 0..<activeCount {
            // Of equal scores the lower expert wins, as in torch.topk on CPU.
            var best = 0
            for expert in 1..<expertCount where scores[expert] > scores[best] { best = expert }
            chosen[rank] = Int32(best)
            weights[rank] = scores[best] / total
            chosenTotal += weights[rank]
            scores[best] = -1
        }
        guard normalizes else { return }
        for rank in 0..<activeCount { weights[rank] /= chosenTotal }
    }
}
