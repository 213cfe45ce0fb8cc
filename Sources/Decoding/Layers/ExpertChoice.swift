// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import Foundation

/// Which experts a token visits, given their logits, and how it weighs them (Switch, GShard, Mixtral,
/// DeepSeek).
struct ExpertChoice {
    /// How logits become scores.
    enum Scoring: Equatable {
        /// exp(x) / Σ exp, over all experts.
        case softmax
        /// The same over the chosen experts only, which the logits choose.
        case softmaxOfChosen
        /// 1 / (1 + exp(−x)).
        case sigmoid
        /// The same of the chosen experts, which the logits choose (Llama 4).
        case sigmoidOfChosen
        /// Phi-3.5-MoE's SparseMixer (Liu et al. 2023), for two experts.
        case sparseMixer(jitter: Float)
    }

    /// Experts in `count` equal groups, of which only the best `activeCount` are chosen from
    /// (device-limited routing, DeepSeek-V2 §2.2.2).
    struct Groups {
        enum Scoring {
            /// A group is as good as its best expert (DeepSeek-V2).
            case best
            /// As its best two together (DeepSeek-V3).
            case bestTwo
        }

        let count: Int
        let activeCount: Int
        let scoring: Scoring
    }

    let expertCount: Int
    let activeCount: Int
    let scoring: Scoring
    /// Added to the scores that experts are chosen by, not to those that weigh them [E]
    /// (loss-free balancing, DeepSeek-V3).
    var selectionBias: UnsafePointer<Float>?
    var groups: Groups?
    /// The chosen weights are divided by their sum, and by no less than this; nil where they are not.
    var smallestSum: Float?
    /// Multiplies the weights in the end.
    var scale: Float = 1

    /// Writes the chosen experts, best first, and their weights [A] each.
    ///
    /// `logits` and `candidates` [E] are written over.
    func choose(
        _ logits: UnsafeMutablePointer<Float>, candidates: UnsafeMutablePointer<Float>,
        into chosen: UnsafeMutablePointer<Int32>, weights: UnsafeMutablePointer<Float>,
        _ vectors: apus_vector_operations
    ) {
        if case .sparseMixer(let jitter) = scoring {
            mix(logits, jitter: jitter, chosen, weights)
        } else {
            score(logits, vectors)
            select(logits, candidates: candidates, chosen, weights)
        }
        switch scoring {
        case .softmaxOfChosen: normalizeExponentials(weights)
        case .sigmoidOfChosen:
            for rank in 0..<activeCount { weights[rank] = 1 / (1 + exp(-weights[rank])) }
        case .softmax, .sigmoid, .sparseMixer: break
        }
        if let smallestSum {
            var sum: Float = 0
            for rank in 0..<activeCount { sum += weights[rank] }
            for rank in 0..<activeCount { weights[rank] /= max(sum, smallestSum) }
        }
        for rank in 0..<activeCount { weights[rank] *= scale }
    }

    /// Turns logits into scores in place.
    private func score(_ scores: UnsafeMutablePointer<Float>, _ vectors: apus_vector_operations) {
        switch scoring {
        case .softmax:
            let shift = vectors.maximum(scores, expertCount)
            let total = Float(vectors.exp(scores, expertCount, shift, 1, scores))
            for expert in 0..<expertCount { scores[expert] /= total }
        case .sigmoid:
            _ = vectors.exp(scores, expertCount, 0, -1, scores)
            for expert in 0..<expertCount { scores[expert] = 1 / (1 + scores[expert]) }
        case .softmaxOfChosen, .sigmoidOfChosen, .sparseMixer:
            break
        }
    }

    /// The best experts by biased scores, in the best groups, with their unbiased scores.
    private func select(
        _ scores: UnsafePointer<Float>, candidates: UnsafeMutablePointer<Float>,
        _ chosen: UnsafeMutablePointer<Int32>, _ weights: UnsafeMutablePointer<Float>
    ) {
        for expert in 0..<expertCount {
            candidates[expert] = scores[expert] + (selectionBias?[expert] ?? 0)
        }
        if let groups { exclude(candidates, outside: groups) }
        for rank in 0..<activeCount {
            let best = indexOfLargest(candidates, expertCount)
            chosen[rank] = Int32(best)
            weights[rank] = scores[best]
            candidates[best] = -.infinity
        }
    }

    /// Of equal values the first, as in torch.topk on CPU; 0 when none is a number.
    private func indexOfLargest(_ values: UnsafePointer<Float>, _ count: Int) -> Int {
        var best = 0
        for index in 1..<max(1, count) where values[index] > values[best] { best = index }
        return best
    }

    /// Leaves only the experts of the best groups to choose from.
    private func exclude(_ candidates: UnsafeMutablePointer<Float>, outside groups: Groups) {
        let size = expertCount / groups.count
        withUnsafeTemporaryAllocation(of: Float.self, capacity: groups.count) { quality in
            guard let quality = quality.baseAddress else { return }
            for group in 0..<groups.count {
                (quality + group).initialize(
                    to: self.quality(of: candidates + group * size, size, groups.scoring))
            }
            for _ in 0..<groups.activeCount {
                quality[indexOfLargest(quality, groups.count)] = -.infinity
            }
            for group in 0..<groups.count where quality[group] > -.infinity {
                (candidates + group * size).update(repeating: -.infinity, count: size)
            }
        }
    }

    private func quality(
        of scores: UnsafePointer<Float>, _ count: Int, _ scoring: Groups.Scoring
    ) -> Float {
        let best = indexOfLargest(scores, count)
        guard scoring == .bestTwo, count > 1 else { return scores[best] }
        var second = -Float.infinity
        for index in 0..<count where index != best { second = max(second, scores[index]) }
        return scores[best] + second
    }

    /// exp(x) / Σ exp over the weights.
    private func normalizeExponentials(_ weights: UnsafeMutablePointer<Float>) {
        // A bias on the choice may put another than the largest first.
        let shift = weights[indexOfLargest(weights, activeCount)]
        var total: Float = 0
        for rank in 0..<activeCount {
            weights[rank] = exp(weights[rank] - shift)
            total += weights[rank]
        }
        for rank in 0..<activeCount { weights[rank] /= total }
    }

    /// Each chosen expert is weighed among those not chosen before it whose logit is close to its own.
    private func mix(
        _ logits: UnsafePointer<Float>, jitter: Float, _ chosen: UnsafeMutablePointer<Int32>,
        _ weights: UnsafeMutablePointer<Float>
    ) {
        for rank in 0..<activeCount {
            func isTaken(_ expert: Int) -> Bool {
                (0..<rank).contains { chosen[$0] == Int32(expert) }
            }
            var best = -1
            for expert in 0..<expertCount where !isTaken(expert) {
                if best < 0 || logits[expert] > logits[best] { best = expert }
            }
            let largest = logits[max(0, best)]
            var total: Float = 0
            for expert in 0..<expertCount where !isTaken(expert) {
                let distance = (largest - logits[expert]) / max(abs(logits[expert]), largest)
                if !(distance > 2 * jitter) { total += exp(logits[expert] - largest) }
            }
            chosen[rank] = Int32(max(0, best))
            weights[rank] = 1 / total
        }
    }
}
