// SPDX-License-Identifier: Apache-2.0

/// How long steps may take while sequences decode.
struct StepTime: Sendable {
    /// What a step is to end within, as far as prefill can be put off.
    var maxSeconds = 0.3
    /// Rows of prompts that a step has in any case, so that they get on: two tiles of the attention kernels.
    /// With fewer, a mixture of experts reads nearly as many experts for less.
    var leastPrefillRowCount = 32
}
