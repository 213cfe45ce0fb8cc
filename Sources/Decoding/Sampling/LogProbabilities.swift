// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import Foundation

/// log-softmax of one row of logits, evaluated where asked.
package struct LogProbabilities {
    /// A token and its natural-log probability.
    package struct Entry: Sendable, Equatable {
        package let token: Int32
        package let logProbability: Float
    }

    private let logits: UnsafeBufferPointer<Float>
    private let logSumExp: Double

    /// Reads the raw logits [V]; they must outlive this value and stay as they are.
    package init(
        _ logits: UnsafeMutableBufferPointer<Float>, instructionSet: InstructionSet = .best
    ) {
        self.logits = UnsafeBufferPointer(logits)
        guard let base = logits.baseAddress else {
            logSumExp = 0
            return
        }
        let vectors = apus_vectors(instructionSet.isa).pointee
        let best = vectors.maximum(base, logits.count)
        logSumExp = Double(best) + log(vectors.exp(base, logits.count, best, 1, nil))
    }

    /// ln P(token).
    package subscript(token: Int32) -> Float {
        guard logits.indices.contains(Int(token)) else { return -.infinity }
        return Float(Double(logits[Int(token)]) - logSumExp)
    }

    /// The `count` likeliest tokens, likeliest first; of equal ones the lower id first.
    package func top(_ count: Int) -> [Entry] {
        guard count > 0 else { return [] }
        var best: [Entry] = []
        best.reserveCapacity(count + 1)
        var floor = -Float.infinity
        for token in logits.indices where logits[token] > floor || best.count < count {
            let value = logits[token]
            let position = best.firstIndex { $0.logProbability < value } ?? best.endIndex
            best.insert(Entry(token: Int32(token), logProbability: value), at: position)
            if best.count > count { best.removeLast() }
            if best.count == count { floor = best[count - 1].logProbability }
        }
        return best.map { Entry(token: $0.token, logProbability: self[$0.token]) }
    }
}
