// SPDX-License-Identifier: Apache-2.0

import ModelFile
import Testing

@testable import Decoding

/// Layers for predicting further tokens: in the file, checked, and not computed.
@Suite struct NextTokenLayerTests {
    private static let models = ["bailingmoe2", "glm4_moe"]

    @Test(arguments: models)
    func `a layer for further tokens is kept, takes no memory and changes nothing`(
        name: String
    ) throws {
        let reference = try TinyReference(name)
        let team = try ThreadTeam(threadCount: 1)
        let plain = try Model(reference.file, team: team)

        let file = try Self.extended(name).opened()
        let model = try Model(file, team: team)

        let layers = try #require(model.family as? any PreNormFamily).decoder.nextTokenLayers
        let layer = try #require(layers.first)
        #expect(layers.count == 1)
        let prefix = "blk.\(try Self.layerCount(name))"
        #expect(layer.join.name == "\(prefix).nextn.eh_proj.weight")
        #expect(layer.own.map(\.name) == ["\(prefix).nextn.shared_head_norm.weight"])
        #expect(layer.block.contains { $0.name == "\(prefix).ffn_down_exps.weight" })
        #expect(model.weightBytes == plain.weightBytes)
        #expect(model.kvBlockBytes(.f16) == plain.kvBlockBytes(.f16))
        let (summary, plainSummary) = (try ModelSummary(file), try ModelSummary(reference.file))
        #expect(summary.parameterCount > plainSummary.parameterCount)
        #expect(summary.activeParameterCount == plainSummary.activeParameterCount)
        #expect(summary.packedBytes == plainSummary.packedBytes)
        #expect(
            try ModelRunner.logits(of: reference.tokens, by: file)
                == ModelRunner.logits(of: reference.tokens, by: reference.file))
    }

    @Test(arguments: models)
    func `layers that the file neither has nor counts are none`(name: String) throws {
        let reference = try TinyReference(name)
        var model = try EditableModel(reference.file)
        model["nextn_predict_layers"] = .uint32(1)

        let logits = try ModelRunner.logits(of: reference.tokens, by: try model.opened())

        #expect(logits == (try ModelRunner.logits(of: reference.tokens, by: reference.file)))
    }

    @Test(arguments: models)
    func `a layer for further tokens that is not like the one before is refused`(
        name: String
    ) throws {
        let sound = try Self.extended(name)
        let team = try ThreadTeam(threadCount: 1)
        let prefix = "blk.\(try Self.layerCount(name))."
        for index in sound.tensors.indices where sound.tensors[index].name.hasPrefix(prefix) {
            let optional = sound.tensors[index].name.hasSuffix("shared_head_norm.weight")
            var absent = sound
            absent.tensors.remove(at: index)
            var narrower = sound
            narrower.tensors[index].shape[sound.tensors[index].shape.count - 1] -= 1
            var renamed = sound
            renamed.tensors[index].name += "s"
            for model in (optional ? [] : [absent]) + [narrower, renamed] {
                let file = try model.opened()

                #expect(throws: ModelError.self, "\(sound.tensors[index].name)") {
                    try Model(file, team: team)
                }
            }
        }
    }

    @Test func `a family that does not know such layers refuses them`() throws {
        var model = try EditableModel(try TinyReference("dots1").file)
        model["nextn_predict_layers"] = .uint32(1)
        let file = try model.opened()

        #expect(throws: ModelError.self) { try ModelRequirements(file) }
    }

    /// The model with one more layer that is the last again, and what joins it to the model.
    private static func extended(_ name: String) throws -> EditableModel {
        let file = try TinyReference(name).file
        var model = try EditableModel(file)
        let count = try layerCount(name)
        let width = try #require(file.tensor("token_embd.weight")).rowLength
        let last = "blk.\(count - 1)."
        for var tensor in model.tensors where tensor.name.hasPrefix(last) {
            tensor.name = "blk.\(count)." + tensor.name.dropFirst(last.count)
            model.tensors.append(tensor)
        }
        for (name, shape) in [
            ("eh_proj", [width, 2 * width]), ("enorm", [width]), ("hnorm", [width]),
            ("shared_head_norm", [width]),
        ] {
            model.tensors.append(
                EditableModel.Tensor(
                    name: "blk.\(count).nextn.\(name).weight", type: TensorType.f32.rawValue,
                    shape: shape, bytes: Array(repeating: 0, count: shape.reduce(4, *))))
        }
        model["block_count"] = .uint32(UInt32(count + 1))
        model["nextn_predict_layers"] = .uint32(1)
        return model
    }

    private static func layerCount(_ name: String) throws -> Int {
        let file = try TinyReference(name).file
        return try file.int("\(try file.string("general.architecture")).block_count")
    }
}
