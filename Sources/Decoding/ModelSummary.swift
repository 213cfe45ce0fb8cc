// SPDX-License-Identifier: Apache-2.0

internal import CKernels
package import ModelFile

/// What a model file costs to hold and to run, read from its tensor directory alone.
///
/// Float32 matrices count as such, though those whose values all are BF16 are packed as that: bytes are upper
/// bounds.
package struct ModelSummary: Sendable {
    /// GGUF `general.architecture`.
    package let architecture: String
    /// All weights.
    package let parameterCount: Int
    /// Weights that one token is multiplied with.
    package let activeParameterCount: Int
    /// Bytes of the packed matrices and vectors.
    package let packedBytes: Int
    /// Packed bytes that every step reads.
    package let sharedBytes: Int
    /// Packed bytes of all experts, and how many of each layer's experts a token visits.
    package let expertBytes: Int
    package let expertCount: Int
    package let activeExpertCount: Int
    /// The type that most weights have.
    package let dominantType: TensorType

    package init(_ file: GGUFFile) throws(ModelError) {
        let parameters = try HyperParameters(file)
        architecture = parameters.architecture
        let hasExperts = try parameters.hasExperts()
        (expertCount, activeExpertCount) = hasExperts ? try parameters.experts() : (0, 0)
        let isTied = file.tensor("output.weight") == nil
        var total = 0
        var active = 0.0
        var shared = 0
        var experts = 0
        var lookedUp = 0
        var counts: [TensorType: Int] = [:]
        // A file of an unknown family may not say; then all are counted.
        let layerCount = (try? parameters.layerCount()) ?? .max
        let share = hasExperts ? Double(activeExpertCount) / Double(expertCount) : 0
        for tensor in file.tensors {
            let bytes = Self.packedBytes(tensor)
            total += tensor.elementCount
            counts[tensor.type, default: 0] += tensor.elementCount
            if tensor.layer ?? 0 >= layerCount {
                // For predicting further tokens: neither packed nor computed.
                continue
            } else if tensor.name.contains("_exps.") {
                active += Double(tensor.elementCount) * share
                experts += bytes
            } else if tensor.name == "token_embd.weight" && !isTied {
                // Rows are looked up in the file, one a token; nothing is multiplied or packed.
                lookedUp += bytes
            } else {
                active += Double(tensor.elementCount)
                shared += bytes
            }
        }
        parameterCount = total
        activeParameterCount = Int(active)
        sharedBytes = shared
        expertBytes = experts
        packedBytes = shared + experts
        dominantType =
            counts.max { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) }?.key ?? .f32
    }

    /// Weight bytes that a step over `tokenCount` tokens reads when experts are chosen uniformly:
    /// shared + experts · (1 − (1 − A/E)^tokens).
    package func weightBytesRead(tokenCount: Int) -> Double {
        guard expertCount > 0 else { return Double(sharedBytes) }
        let missed = 1 - Double(activeExpertCount) / Double(expertCount)
        var untouched = 1.0
        for _ in 0..<tokenCount { untouched *= missed }
        return Double(sharedBytes) + Double(expertBytes) * (1 - untouched)
    }

    private static func packedBytes(_ tensor: TensorDescription) -> Int {
        guard tensor.shape.count > 1 else { return tensor.elementCount * 4 }
        let matrices = tensor.shape.dropLast(2).reduce(1, *)
        let strips = Matrix.stripCount(rows: tensor.shape[tensor.shape.count - 2])
        guard apus_traits(tensor.type.rawValue) != nil else { return tensor.byteCount }
        return matrices * strips * apus_strip_bytes(tensor.type.rawValue, tensor.rowLength)
    }
}

extension TensorDescription {
    /// Which layer it belongs to, by its name `blk.<layer>.…`.
    var layer: Int? {
        let parts = name.split(separator: ".", maxSplits: 2)
        return parts.count == 3 && parts[0] == "blk" ? Int(parts[1]) : nil
    }
}
