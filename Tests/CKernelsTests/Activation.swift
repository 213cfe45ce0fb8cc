// SPDX-License-Identifier: Apache-2.0
import CKernels

/// A vector as the kernels of a type take it: quantised, or floats.
struct Activation {
    private let memory: AlignedBytes
    private let width: Int
    var pointer: UnsafeRawPointer { memory.base }

    /// Quantises.
    init(quantizing values: [Float], with set: InstructionSet) {
        width = values.count
        memory = AlignedBytes(count: apus_activation_bytes(width))
        apus_quantize(set.isa)(values, width, memory.start)
    }

    private init(copying values: [Float]) {
        width = values.count
        memory = AlignedBytes(count: max(width, 1) * MemoryLayout<Float>.stride)
        values.withUnsafeBytes { memory.buffer.copyMemory(from: $0) }
    }

    static func of(_ values: [Float], for type: WeightType, with set: InstructionSet) -> Activation
    {
        type.isQuantized ? Activation(quantizing: values, with: set) : Activation(copying: values)
    }

    /// One group of 32, laid out as `apus_activation_group`.
    struct Group: Equatable {
        var values: [Int8]
        var scale, scaledSum: Float
        var negatedSum, negatedLowSum: Int32
        var negatedPairSums: [Int16]
    }

    private static let groupBytes = 56

    var groups: [Group] {
        (0..<width / 32).map { index in
            let offset = index * Self.groupBytes
            return Group(
                values: (0..<32).map { memory.load(Int8.self, at: offset + $0) },
                scale: memory.load(Float.self, at: offset + 32),
                scaledSum: memory.load(Float.self, at: offset + 36),
                negatedSum: memory.load(Int32.self, at: offset + 40),
                negatedLowSum: memory.load(Int32.self, at: offset + 44),
                negatedPairSums: (0..<4).map { memory.load(Int16.self, at: offset + 48 + 2 * $0) })
        }
    }

    /// The numbers that the kernels compute with.
    func values(for type: WeightType) -> [Double] {
        if type.isQuantized {
            return groups.flatMap { group in group.values.map { Double(group.scale) * Double($0) } }
        }
        return (0..<width).map { Double(memory.load(Float.self, at: 4 * $0)) }
    }

    /// The bytes that hold groups, without the padding after them.
    var groupBytes: [UInt8] { Array(memory.bytes.prefix(width / 32 * Self.groupBytes)) }
}
