// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import ModelFile

/// A weight matrix [rows, width] in the kernels' layout: strips of 16 rows.
struct Matrix {
    let type: TensorType
    let rowCount: Int
    let width: Int
    let stripCount: Int
    let stripBytes: Int
    /// Whether its columns are int8 activations rather than float32 ones.
    let takesQuantizedColumns: Bool
    /// Multiplies the matrix (`<name>.scale`, which NVFP4 files carry).
    let scale: Float
    private let strips: UnsafeRawPointer
    private let kernel:
        @convention(c) (
            UnsafeRawPointer?, Int, UnsafePointer<UnsafeRawPointer?>?,
            UnsafePointer<UnsafeMutablePointer<Float>?>?, Int
        ) -> Void

    /// Describes strips already packed at `strips`; nil when the type has no kernel.
    init?(
        type: TensorType, rowCount: Int, width: Int, strips: UnsafeRawPointer, scale: Float = 1,
        isa: apus_isa
    ) {
        guard let traits = apus_traits(type.rawValue),
            let kernel = apus_multiply(type.rawValue, isa)
        else { return nil }
        self.type = type
        self.rowCount = rowCount
        self.width = width
        self.strips = strips
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

    /// Bytes of all strips.
    var byteCount: Int { stripCount * stripBytes }

    /// outputs[c][0..<16] = scale · strip · columns[c] for c in 0..<count.
    func multiply(
        strip: Int, columns: UnsafePointer<UnsafeRawPointer?>, count: Int,
        outputs: UnsafePointer<UnsafeMutablePointer<Float>?>
    ) {
        kernel(strips + strip * stripBytes, width, columns, outputs, count)
        guard scale != 1 else { return }
        for column in 0..<count {
            for lane in 0..<16 { outputs[column]?[lane] *= scale }
        }
    }
}
