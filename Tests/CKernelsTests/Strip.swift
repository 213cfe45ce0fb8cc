// SPDX-License-Identifier: Apache-2.0
import CKernels

/// Packed rows and what is multiplied with them.
struct Strip {
    let type: WeightType
    let width: Int
    let memory: AlignedBytes

    init(_ type: WeightType, rows: [UInt8], rowCount: Int, width: Int) {
        self.type = type
        self.width = width
        memory = AlignedBytes(count: apus_strip_bytes(type.number, width))
        apus_pack_strip(
            type.number, rows, type.rowBytes(width: width), rowCount, width, memory.start)
    }

    /// outputs[c][r], by the kernel of `set`.
    func multiply(_ columns: [Activation], with set: InstructionSet) -> [[Float]] {
        let pointers: [UnsafeRawPointer?] = columns.map(\.pointer)
        let outputs = AlignedBytes(count: columns.count * 64)
        let outputPointers: [UnsafeMutablePointer<Float>?] = columns.indices.map {
            (outputs.start + $0 * 64).assumingMemoryBound(to: Float.self)
        }
        apus_multiply(type.number, set.isa)(
            memory.base, width, pointers, outputPointers, columns.count)
        return columns.indices.map { column in
            (0..<16).map { outputs.load(Float.self, at: column * 64 + $0 * 4) }
        }
    }
}

extension [[Float]] {
    /// For comparing to the last bit; all NaNs are the same.
    var bits: [[UInt32]] { map { $0.map { $0.isNaN ? Float.nan.bitPattern : $0.bitPattern } } }
}
