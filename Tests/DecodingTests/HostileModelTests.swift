// SPDX-License-Identifier: Apache-2.0

import Decoding
import Foundation
import ModelFile
import Testing

/// Well-formed GGUF files that hold no sound model: an error or a model that runs, never a crash.
@Suite struct HostileModelTests {
    private static let values: [MetadataValue?] = [
        nil, .uint32(0), .uint32(1), .uint32(3), .uint32(.max), .uint64(.max), .int32(-1),
        .int64(.min), .uint64(1 << 62), .uint32(1 << 20), .uint32(1 << 27), .float32(0),
        .float32(-1), .float32(.nan), .float32(.infinity), .float64(1e300), .float32(1e-38),
        .float32(1e38), .bool(false), .bool(true), .string([]), .string(Array("yarn".utf8)),
        .string([0xFF, 0x0A]), .array(.int32([])), .array(.int32([2, 2])), .array(.int32([2, 4])),
        .array(.float32([1])),
    ]

    /// Keys that no tiny file has.
    private static let otherKeys = [
        "attention.key_length", "attention.value_length", "attention.sliding_window",
        "attention.scale", "attention.causal", "rope.scaling.type", "rope.scaling.factor",
        "rope.scale_linear", "rope.scaling.original_context_length", "rope.scaling.yarn_beta_fast",
        "rope.scaling.yarn_beta_slow", "rope.scaling.yarn_attn_factor", "expert_weights_norm",
        "expert_weights_scale", "expert_gating_func",
        "expert_shared_count", "logit_scale", "expert_count", "expert_used_count",
        "expert_feed_forward_length", "expert_shared_feed_forward_length",
    ]

    @Test(arguments: TinyReference.families)
    func `any hyper-parameter may be absent, of any type and any size`(family: String) throws {
        let sound = try EditableModel(try TinyReference(family).file)
        let team = try ThreadTeam(threadCount: 2)
        var refusedCount = 0
        for key in Set(sound.hyperParameters + Self.otherKeys).sorted() {
            for value in Self.values {
                var model = sound
                model[key] = value
                if try !loadsAndRuns(try model.opened(), team) { refusedCount += 1 }
            }
        }

        #expect(refusedCount > 100)
    }

    @Test(arguments: TinyReference.families)
    func `a tensor that is absent, renamed or of another shape or type is refused`(
        family: String
    ) throws {
        let sound = try EditableModel(try TinyReference(family).file)
        let team = try ThreadTeam(threadCount: 2)
        for (index, tensor) in sound.tensors.enumerated() {
            for change in TensorChange.allCases {
                var model = sound
                guard change.apply(to: &model, at: index) else { continue }
                let file = try model.opened()

                #expect(throws: ModelError.self, "\(tensor.name): \(change)") {
                    try Model(file, team: team)
                }
            }
        }
    }

    @Test(arguments: ["llama_odd", "qwen3_moe_odd"], [1, 2] as [UInt64])
    func `any byte of the header may be wrong`(family: String, seed: UInt64) throws {
        var random = SplitMix64(state: seed)
        let (bytes, headerByteCount) = try EditableModel(try TinyReference(family).file).encoded()
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).gguf").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(bytes).write(to: URL(filePath: path))
        let handle = try FileHandle(forUpdating: URL(filePath: path))
        let team = try ThreadTeam(threadCount: 1)
        var refusedCount = 0
        for offset in 0..<headerByteCount {
            let wrong = bytes[offset] ^ UInt8.random(in: 1...255, using: &random)
            try handle.write(wrong, at: offset)
            do {
                if try !loadsAndRuns(try GGUFFile(path: path), team) { refusedCount += 1 }
            } catch is ModelFileError {
                refusedCount += 1
            }
            try handle.write(bytes[offset], at: offset)
        }

        #expect(refusedCount > headerByteCount / 2)
    }

    /// Whether a model can be made of the file; then it must run, and its needs be known before.
    private func loadsAndRuns(_ file: GGUFFile, _ team: ThreadTeam) throws -> Bool {
        let model: Model
        do {
            model = try Model(file, team: team)
        } catch {
            #expect(!"\(error)".isEmpty)
            _ = try? ModelSummary(file)
            _ = try? ModelRequirements(file)
            return false
        }
        let packed = try logitBits(model, team)
        #expect(packed.count == 3)
        #expect(try logitBits(try Model(file, team: team, storage: .mapped), team) == packed)
        let needs = try ModelRequirements(file)
        #expect(needs.contextLength == model.contextLength)
        #expect(needs.kvBlockBytes(.f32) == model.kvBlockBytes(.f32))
        #expect(try ModelSummary(file).activeParameterCount > 0)
        return true
    }
}

/// The bits of the logits after three tokens.
private func logitBits(_ model: Model, _ team: ThreadTeam) throws -> [[UInt32]] {
    let runner = try ModelRunner(
        model, team: team, maxTokenCount: 4, kvBlockCount: model.kvGroups.count)
    let tokens: [Int32] = [0, 7, Int32(model.vocabularySize - 1)]
    return runner.logits(of: tokens, chunk: 3).map { $0.map(\.bitPattern) }
}

/// A change to one tensor that a family must notice.
private enum TensorChange: CaseIterable {
    case absent, renamed, transposed, flattened, oneRowLess, narrower, deeper, unknownType

    /// What some files of a family have and others do not.
    private static let optional = [
        "output.weight", "rope_freqs.weight", "attn_output.bias", "exp_probs_b.bias", "output.bias",
    ]

    /// Makes the change; false where it would leave a sound file.
    func apply(to model: inout EditableModel, at index: Int) -> Bool {
        let tensor = model.tensors[index]
        switch self {
        case .absent:
            if Self.optional.contains(where: { tensor.name.hasSuffix($0) }) { return false }
            model.tensors.remove(at: index)
        case .renamed:
            model.tensors[index].name += "s"
        case .transposed:
            guard Set(tensor.shape.suffix(2)).count == 2 else { return false }
            model.tensors[index].shape.swapAt(tensor.shape.count - 1, tensor.shape.count - 2)
        case .flattened:
            guard tensor.shape.dropLast().contains(where: { $0 > 1 }) else { return false }
            model.tensors[index].shape = [tensor.shape.reduce(1, *)]
        case .oneRowLess:
            model.tensors[index].shape[0] -= 1
            // An embedding and an output of 1,003 and 1,002 tokens differ; one embedding is just smaller.
            let isTied = !model.tensors.contains { $0.name == "output.weight" }
            return tensor.shape[0] > 1 && !(isTied && tensor.name == "token_embd.weight")
        case .narrower:
            model.tensors[index].shape[tensor.shape.count - 1] -= 1
        case .deeper:
            model.tensors[index].shape = [2] + tensor.shape
            model.tensors[index].bytes += tensor.bytes
        case .unknownType:
            model.tensors[index].type = TensorType.i32.rawValue
        }
        return true
    }
}

extension FileHandle {
    fileprivate func write(_ byte: UInt8, at offset: Int) throws {
        try seek(toOffset: UInt64(offset))
        try write(contentsOf: [byte])
    }
}
