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
        #expect(layer.join.name == "blk.3.nextn.eh_proj.weight")
        #expect(layer.own.map(\.name) == ["blk.3.nextn.shared_head_norm.weight"])
        #expect(layer.block.contains { $0.name == "blk.3.ffn_down_exps.weight" })
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
        model["block_count"] = .uint32(3)

        let logits = try ModelRunner.logits(of: reference.tokens, by: try model.opened())

        #expect(logits == (try ModelRunner.logits(of: reference.tokens, by: reference.file)))
    }

    @Test(arguments: models)
    func `a layer for further tokens that is not like the one before is refused`(
        name: String
    ) throws {
        let sound = try Self.extended(name)
        let team = try ThreadTeam(threadCount: 1)
        for index in sound.tensors.indices where sound.tensors[index].name.hasPrefix("blk.3.") {
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

    /// The model with a fourth layer that is the third again, and what joins it to the model.
    private static func extended(_ name: String) throws -> EditableModel {
        var model = try EditableModel(try TinyReference(name).file)
        let last = model.tensors.filter { $0.name.hasPrefix("blk.2.") }
        for var tensor in last {
            tensor.name = "blk.3." + tensor.name.dropFirst("blk.2.".count)
            model.tensors.append(tensor)
        }
        for (name, shape) in [
            ("eh_proj", [64, 128]), ("enorm", [64]), ("hnorm", [64]), ("shared_head_norm", [64]),
        ] {
            model.tensors.append(
                EditableModel.Tensor(
                    name: "blk.3.nextn.\(name).weight", type: TensorType.f32.rawValue,
                    shape: shape, bytes: Array(repeating: 0, count: shape.reduce(4, *))))
        }
        return model
    }
}
