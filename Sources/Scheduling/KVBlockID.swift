// SPDX-License-Identifier: Apache-2.0

/// Names one KV block by its place in the pool, in the width that kernels read block tables in.
package struct KVBlockID: Hashable, Sendable {
    /// The block's place in the pool, counted from zero.
    package let index: Int32

    /// Wraps a place in the pool.
    package init(_ index: Int32) {
        self.index = index
    }
}
