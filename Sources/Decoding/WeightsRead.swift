// SPDX-License-Identifier: Apache-2.0

/// How many weights steps have read: what decode costs, and what company saves.
///
/// A matrix counts once for each phase that multiplies with it, however many rows it serves, and
/// the embedding by its rows. Norms and biases, which stay in the caches, do not count.
package struct WeightsRead: Sendable, Equatable {
    /// Bytes of packed matrices and of embedding rows.
    package var byteCount = 0
    /// (layer, expert) pairs whose matrices were read.
    package var expertCount = 0
}
