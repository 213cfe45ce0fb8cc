// SPDX-License-Identifier: Apache-2.0

/// How far the loading of a model has come.
package struct LoadingProgress: Sendable, Equatable {
    /// Bytes of the file's matrices that are packed so far. At the end as many as there are in all, with
    /// those that stay in the file.
    package let loadedBytes: Int
    /// Bytes of all tensors in the file.
    package let totalBytes: Int

    package init(loadedBytes: Int, totalBytes: Int) {
        self.loadedBytes = loadedBytes
        self.totalBytes = totalBytes
    }
}
