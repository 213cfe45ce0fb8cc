// SPDX-License-Identifier: Apache-2.0

/// One entry of the tensor directory, checked against the file: its bytes exist and are its own.
package struct TensorDescription: Sendable, Equatable {
    /// The checkpoint's name, such as `blk.0.attn_q.weight`.
    package let name: String
    /// How the elements are stored.
    package let type: TensorType
    /// Dimensions outermost first, row-major: GGUF's own order reversed; never empty, never zero.
    package let shape: [Int]
    /// Which of the model's files holds it, from 0.
    package let part: Int
    /// Where the elements lie, counted from the start of that file.
    package let byteRange: Range<Int>

    /// Elements in all: the product of the shape.
    package let elementCount: Int
    /// Bytes from one row to the next.
    package let rowBytes: Int

    /// Bytes in all.
    package var byteCount: Int { byteRange.count }
    /// Elements of the innermost dimension, a whole number of blocks.
    package var rowLength: Int { shape.last ?? 1 }
    /// Rows in all: the product of every dimension but the innermost.
    package var rowCount: Int { elementCount / rowLength }
}
