// SPDX-License-Identifier: Apache-2.0

internal import CKernels
package import ModelFile

/// How fast the multiply kernel of a weight type is, measured now, apart from any model.
package struct KernelSpeed: Sendable {
    /// Bytes of packed weights multiplied per second.
    package let weightBytesPerSecond: Double
    /// Multiply-accumulates per second, two operations each.
    package let operationsPerSecond: Double

    /// Columns of the weights: the hidden size of many models, and whole blocks of every type.
    private static let width = 2048

    /// Multiplies `weightBytes` of weights with `columnCount` columns, best of `repetitionCount`; zeros
    /// when the type has no kernel.
    package init(
        type: TensorType, columnCount: Int, weightBytes: Int, threadCount: Int,
        repetitionCount: Int, instructionSet: InstructionSet = .best
    ) {
        _ = Prefetching.measured
        weightBytesPerSecond = apus_probe_multiply(
            type.rawValue, instructionSet.isa, Self.width, weightBytes, columnCount, threadCount,
            repetitionCount)
        let stripBytes = max(1, apus_strip_bytes(type.rawValue, Self.width))
        let operationsPerByte = Double(2 * 16 * Self.width * columnCount) / Double(stripBytes)
        operationsPerSecond = weightBytesPerSecond * operationsPerByte
    }

    /// The types that have a kernel.
    package static var types: [TensorType] {
        TensorType.allCases.filter { apus_traits($0.rawValue) != nil }
    }

    /// Whether the type is multiplied with int8 activations, so that the int8 peak is its limit.
    package static func takesQuantizedColumns(_ type: TensorType) -> Bool {
        apus_traits(type.rawValue)?.pointee.is_quantized ?? false
    }
}
