// SPDX-License-Identifier: Apache-2.0

/// How a family's files say that experts are chosen and weighed.
struct RoutingParameters {
    let scoring: ExpertChoice.Scoring
    let groups: ExpertChoice.Groups?
    /// What the sum of weights is held above where they are divided by it; nil where they are not.
    let smallestSum: Float?
    let scale: Float

    /// Reads `expert_gating_func`, `expert_group_count`, `expert_group_used_count`, `expert_weights_norm`
    /// and `expert_weights_scale`; where the file says nothing, it is as the family has it.
    init(
        _ parameters: HyperParameters, scoring usualScoring: ExpertChoice.Scoring,
        normalizes: Bool, smallestSum: Float = 1e-20
    ) throws(ModelError) {
        let scoring: ExpertChoice.Scoring
        // Numbered as in llama.cpp.
        switch try parameters.intIfPresent("expert_gating_func", in: 0...3) ?? 0 {
        case 1: scoring = .softmax
        case 2: scoring = .sigmoid
        case 3: scoring = .softmaxOfChosen
        default: scoring = usualScoring
        }
        self.scoring = scoring
        groups = try Self.groups(parameters, scoring)
        let norm = try parameters.boolIfPresent("expert_weights_norm") ?? normalizes
        self.smallestSum = norm ? smallestSum : nil
        // Writers put 0 for none.
        let scale = try parameters.floatIfPresent("expert_weights_scale") ?? 0
        self.scale = scale == 0 ? 1 : try parameters.positive("expert_weights_scale")
    }

    /// DeepSeek-V2 takes softmax scores and a group's best, V3 sigmoid scores and its best two.
    private static func groups(
        _ parameters: HyperParameters, _ scoring: ExpertChoice.Scoring
    ) throws(ModelError) -> ExpertChoice.Groups? {
        let (expertCount, activeExpertCount) = try parameters.experts()
        let count = max(
            1, try parameters.intIfPresent("expert_group_count", in: 0...expertCount) ?? 1)
        let active = try parameters.intIfPresent("expert_group_used_count", in: 0...count) ?? 0
        guard count > 1, active != count else { return nil }
        guard active > 0, expertCount.isMultiple(of: count),
            active * (expertCount / count) >= activeExpertCount
        else {
            throw .unsupported(
                "\(activeExpertCount) of \(expertCount) experts from \(active) of \(count) groups")
        }
        return ExpertChoice.Groups(
            count: count, activeCount: active, scoring: scoring == .sigmoid ? .bestTwo : .best)
    }
}
