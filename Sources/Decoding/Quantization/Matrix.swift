// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import ModelFile

/// A weight matrix [rows, width], multiplied in the kernels' layout: strips of 16 rows.
struct Matrix {
    /// Where the weights are.
    enum Source {
        /// Strips, one after the other.
        case strips(UnsafeRawPointer)
        /// Rows as a file has them, at any address, packed each time they are multiplied.
        case rows(UnsafeRawPointer, rowBytes: Int)
    }

    let type: TensorType
    let rowCount: Int
    let width: Int
    let stripCount: Int
    /// Bytes of one strip, packed.
    let stripBytes: Int
    /// Whether its columns are int8 activations rather than float32 ones.
    let takesQuantizedColumns: Bool
    /// Multiplies the matrix (`<name>.scale`, which NVFP4 files carry).
    let scale: Float
    private let source: Source
    private let kernel: MatrixStrips.Kernel

    /// Describes weights at `source`; nil when the type has no kernel.
    init?(
        type: TensorType, rowCount: Int, width: Int, source: Source, scale: Float = 1,
        isa: apus_isa
    ) {
        guard let traits = apus_traits(type.rawValue),
            let kernel = apus_multiply(type.rawValue, isa)
        else { return nil }
        self.type = type
        self.rowCount = rowCount
        self.width = width
        self.source = source
        self.scale = scale
        self.kernel = kernel
        stripCount = Self.stripCount(rows: rowCount)
        stripBytes = apus_strip_bytes(type.rawValue, width)
        takesQuantizedColumns = traits.pointee.is_quantized
    }

    /// Strips that `rows` rows take.
    static func stripCount(rows: Int) -> Int { (rows + 15) / 16 }

    /// Rows rounded up to whole strips: the width of an output row.
    var paddedRowCount: Int { stripCount * 16 }

    /// Bytes that are read to multiply with all of it: of its strips, or of its rows in the file.
    var byteCount: Int {
        switch source {
        case .strips: stripCount * stripBytes
        case .rows(_, let rowBytes): rowCount * rowBytes
        }
    }

    /// Strips to multiply with, until `buffer` is used for others.
    ///
    /// Strips that are not packed yet are packed into `buffer`, a multiple of 64; there must be room for
    /// them.
    func strips(_ range: Range<Int>, _ buffer: UnsafeMutableRawBufferPointer) -> MatrixStrips {
        let start: UnsafeRawPointer
        switch source {
        case .strips(let strips): start = strips + range.lowerBound * stripBytes
        case .rows(let rows, let rowBytes):
            start = pack(range, of: rows, rowBytes: rowBytes, into: buffer)
        }
        return MatrixStrips(
            first: range.lowerBound, start: start, stripBytes: stripBytes, width: width,
            scale: scale, kernel: kernel)
    }

    private func pack(
        _ range: Range<Int>, of rows: UnsafeRawPointer, rowBytes: Int,
        into buffer: UnsafeMutableRawBufferPointer
    ) -> UnsafeRawPointer {
        guard let start = buffer.baseAddress, range.count * stripBytes <= buffer.count else {
            preconditionFailure("no room for \(range.count) strips")
        }
        for strip in range {
            apus_pack_strip(
                type.rawValue, rows + strip * 16 * rowBytes, rowBytes,
                min(16, rowCount - strip * 16), width,
                start + (strip - range.lowerBound) * stripBytes)
        }
        return UnsafeRawPointer(start)
    }
}

/// Consecutive strips of a matrix in the kernels' layout.
struct MatrixStrips {
    typealias Kernel =
        @convention(c) (
            UnsafeRawPointer?, Int, UnsafePointer<UnsafeRawPointer?>?,
            UnsafePointer<UnsafeMutablePointer<Float>?>?, Int
        ) -> Void

    /// The number in the matrix of the strip at `start`.
    fileprivate let first: Int
    fileprivate let start: UnsafeRawPointer
    fileprivate let stripBytes: Int
    fileprivate let width: Int
    fileprivate let scale: Float
    fileprivate let kernel: Kernel

    /// outputs[c][0..<16] = scale · strip · columns[c] for c in 0..<count; `strip` counts from the matrix's
    /// first.
    func multiply(
        strip: Int, columns: UnsafePointer<UnsafeRawPointer?>, count: Int,
        outputs: UnsafePointer<UnsafeMutablePointer<Float>?>
    ) {
        kernel(start + (strip - first) * stripBytes, width, columns, outputs, count)
        guard scale != 1 else { return }
        for column in 0..<count {
            for lane in 0..<16 { outputs[column]?[lane] *= scale }
        }
    }
}
