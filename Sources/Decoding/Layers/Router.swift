// SPDX-License-Identifier: Apache-2.0

/// Chooses the experts of every token: their logits, and what comes of those.
struct Router {
    /// [E, H]
    let gate: Linear
    let choice: ExpertChoice

    var expertCount: Int { gate.weight.rowCount }
    var activeCount: Int { choice.activeCount }

    /// Writes the chosen experts of every row and their weights into `step.routing`.
    func apply(_ step: Step) {
        let count = step.rowCount
        let routing = step.routing
        gate.apply(step.normed, into: routing.logits, count: count, step)
        step.team.forEach(step.chunkCount(count)) { chunk, _ in
            for row in step.rows(ofChunk: chunk, count: count) {
                choice.choose(
                    routing.logits[row], candidates: routing.candidates[row],
                    into: routing.chosen + row * activeCount,
                    weights: routing.weights + row * activeCount, step.vectors)
            }
        }
    }
}
