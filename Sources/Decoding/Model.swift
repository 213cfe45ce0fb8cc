// SPDX-License-Identifier: Apache-2.0

internal import CKernels
package import ModelFile

/// A model's weights in the kernels' layout, ready for a `ModelRunner`.
package final class Model {
    /// GGUF `general.architecture`.
    package let architecture: String
    /// Token ids run from 0 to this, exclusive.
    package let vocabularySize: Int
    /// Positions that can be computed as the model was trained.
    package let contextLength: Int
    /// Bytes that the packed weights take.
    package let weightBytes: Int
    let family: any ModelFamily
    let isa: apus_isa
    /// Owns what the family's matrices point into.
    private let memory: Memory

    /// Reads, checks and packs the weights of `file` on all threads of `team`.
    package convenience init(
        _ file: GGUFFile, team: ThreadTeam, instructionSet: InstructionSet = .best
    ) throws(ModelError) {
        try self.init(file, team: team, instructionSet: instructionSet, onlyMeasures: false)
    }

    /// Everything but the packing: sizes and shapes are right, matrices are zero and take no memory.
    static func measured(_ file: GGUFFile, team: ThreadTeam) throws(ModelError) -> Model {
        try Model(file, team: team, instructionSet: .best, onlyMeasures: true)
    }

    private init(
        _ file: GGUFFile, team: ThreadTeam, instructionSet: InstructionSet, onlyMeasures: Bool
    ) throws(ModelError) {
        let parameters = try HyperParameters(file)
        let type = try Decoding.family(of: parameters.architecture)
        try parameters.checkVariants(honoring: type.honoredKeys)
        let memory = Memory()
        let loader = WeightLoader(
            file: file, memory: memory, isa: instructionSet.isa, team: team,
            onlyMeasures: onlyMeasures)
        family = try type.init(parameters, loader)
        // Where a family's layers see all there is, a window changes nothing up to its length.
        contextLength = try type.contextLength(
            parameters, heedsWindow: !family.kvShape.spans.allSatisfy { $0 == .full })
        try loader.checkAllUsed()
        architecture = parameters.architecture
        self.memory = memory
        isa = instructionSet.isa
        vocabularySize = family.embedding.vocabularySize
        weightBytes = memory.allocatedBytes
    }

    /// Bytes that one KV block takes: 16 positions of one group's layers.
    package func kvBlockBytes(_ type: KVType) -> Int { family.kvShape.blockBytes(type) }

    /// What the queries of each group of layers see. A sequence has a block table for each.
    package var kvGroups: [AttentionSpan] { family.kvShape.spans }
}

/// An instruction set that kernels exist for.
package struct InstructionSet: Sendable, CustomStringConvertible {
    let isa: apus_isa

    /// The fastest that this CPU has.
    package static var best: InstructionSet { InstructionSet(isa: apus_best_isa()) }

    /// All that this CPU has, slowest first.
    package static var available: [InstructionSet] {
        (0..<UInt32(APUS_ISA_COUNT)).map { apus_isa(rawValue: $0) }
            .filter(apus_isa_is_available).map(InstructionSet.init)
    }

    package var description: String { String(cString: apus_isa_name(isa)) }
}
