// SPDX-License-Identifier: Apache-2.0

/// Where a model's matrices are while it runs. Results are the same bits either way.
package enum WeightStorage: String, Sendable, CaseIterable {
    /// In memory, packed once into the kernels' layout.
    case packed
    /// In the mapped file, of which the system keeps in memory what there is room for; packed again for
    /// each phase that multiplies with them.
    case mapped
}
