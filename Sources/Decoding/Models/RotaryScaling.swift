// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import ModelFile

/// How rotary angles are stretched for contexts longer than those of training
/// (`rope.scaling.type`): not at all, all alike, or as in YaRN (Peng et al. 2023).
struct RotaryScaling {
    /// By how much the frequency of each pair is divided.
    let divisors: [Double]
    /// Multiplies queries and keys.
    let amplitude: Double

    /// Whether YaRN's ramp begins and ends at whole pairs is the family's way, `truncatesRamp`, unless the
    /// file says otherwise: by `rope.scaling.yarn_truncate`, which no converter writes.
    init(
        _ parameters: HyperParameters, pairCount: Int, base: Float, truncatesRamp: Bool = true
    ) throws(ModelError) {
        let factor = Double(try Self.factor(parameters))
        // A factor without a type is linear, as in old files.
        switch try parameters.stringIfPresent("rope.scaling.type") ?? "linear" {
        case "none":
            divisors = Array(repeating: 1, count: pairCount)
            amplitude = 1
        case "linear":
            divisors = Array(repeating: factor, count: pairCount)
            amplitude = 1
        case "yarn":
            guard base > 1 else { throw .unsupported("YaRN with a rotary base of \(base)") }
            let ramp = try YarnRamp(
                parameters, pairCount: pairCount, base: Double(base),
                truncates: try parameters.boolIfPresent("rope.scaling.yarn_truncate")
                    ?? truncatesRamp)
            divisors = (0..<pairCount).map { pair in
                let share = ramp.share(pair)
                return 1 / (share / factor + 1 - share)
            }
            let key = "rope.scaling.yarn_attn_factor"
            amplitude =
                parameters.contains(key)
                ? Double(try parameters.positive(key)) : 0.1 * max(0, log(factor)) + 1
        case let other:
            throw .unsupported("rotary scaling \(other.quoted) in this architecture")
        }
    }

    private static func factor(_ parameters: HyperParameters) throws(ModelError) -> Float {
        for key in ["rope.scaling.factor", "rope.scale_linear"] where parameters.contains(key) {
            return try parameters.positive(key)
        }
        return 1
    }
}

/// Which pairs YaRN stretches: those that turn often within the context of training not at all, those
/// that never turn fully like the linear scaling, the others in between.
private struct YarnRamp {
    private let first: Double
    private let last: Double

    init(
        _ parameters: HyperParameters, pairCount: Int, base: Double, truncates: Bool
    ) throws(ModelError) {
        // Where the file does not say, its context is the one of training.
        let original = "rope.scaling.original_context_length"
        let length = try parameters.int(
            parameters.contains(original) ? original : "context_length",
            in: 1...HyperParameters.maxContextLength)
        let fast = try parameters.positive("rope.scaling.yarn_beta_fast", default: 32)
        let slow = try parameters.positive("rope.scaling.yarn_beta_slow", default: 1)
        // The pair that turns `count` times within `length` positions.
        func pair(turns count: Float) -> Double {
            Double(pairCount) * log(Double(length) / (Double(count) * 2 * .pi)) / log(base)
        }
        let (begin, end) = (pair(turns: fast), pair(turns: slow))
        first = max(0, truncates ? begin.rounded(.down) : begin)
        last = min(Double(2 * pairCount - 1), truncates ? end.rounded(.up) : end)
    }

    /// 0 where a pair keeps its frequency, 1 where it is divided by the factor.
    func share(_ pair: Int) -> Double {
        min(1, max(0, (Double(pair) - first) / max(last - first, 0.001)))
    }
}
