// SPDX-License-Identifier: Apache-2.0

import Decoding
import ModelFile
import Testing

@Suite struct LoneQuantizedMatrixTests {
    /// int8 moves logits by 0.03 at most on average, single ones more where another expert is chosen;
    /// activations that were never quantised move the mean by more than 0.15.
    private static let meanTolerance: Float = 0.1

    @Test(arguments: [
        "deepseek_v3", "gemma3", "gpt_oss", "granitemoe", "hunyuan_v1_moe", "llama", "llama4",
        "phimoe", "qwen2_moe", "qwen3_moe",
    ])
    func `one quantised matrix among float32 ones gets int8 activations`(family: String) throws {
        let reference = try TinyReference(family)
        let sound = try EditableModel(reference.file)
        for tensor in sound.tensors
        where tensor.shape.count > 1 && (tensor.shape.last ?? 1).isMultiple(of: 32) {
            var model = sound
            model.quantize(tensor.name)

            let logits = try ModelRunner.logits(of: reference.tokens, by: try model.opened())

            let error = meanError(logits, reference.logits)
            #expect(error > 1e-5 && error < Self.meanTolerance, "\(tensor.name): \(error)")
        }
    }

    private func meanError(_ found: [[Float]], _ wanted: [[Float]]) -> Float {
        let differences = zip(found.joined(), wanted.joined()).map { abs($0 - $1) }
        return differences.reduce(0, +) / Float(differences.count)
    }
}

extension EditableModel {
    /// Turns a float32 tensor into Q8_0.
    mutating func quantize(_ name: String) {
        change(name) { tensor in
            let values = tensor.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
            tensor.type = TensorType.q8_0.rawValue
            tensor.bytes = []
            for start in stride(from: 0, to: values.count, by: 32) {
                let block = values[start..<start + 32]
                let scale = Float16((block.map(abs).max() ?? 0) / 127)
                withUnsafeBytes(of: scale.bitPattern.littleEndian) { tensor.bytes += $0 }
                tensor.bytes += block.map {
                    let quant = scale == 0 ? 0 : ($0 / Float(scale)).rounded()
                    return UInt8(bitPattern: Int8(max(-127, min(127, quant))))
                }
            }
        }
    }
}
