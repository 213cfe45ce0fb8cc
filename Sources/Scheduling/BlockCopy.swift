// SPDX-License-Identifier: Apache-2.0

/// The content of one KV block to be copied to another before a step runs, since a sequence is about to write
/// to what it shared.
package struct BlockCopy: Equatable, Sendable {
    /// Where the content is.
    package let source: KVBlockID
    /// Where it is to be.
    package let destination: KVBlockID
}
