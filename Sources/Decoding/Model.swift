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
    /// Bytes that the weights take in memory: matrices where they are packed, and vectors.
    package let weightBytes: Int
    /// Bytes of the matrices that are left in the file.
    package let mappedWeightBytes: Int
    /// Bytes of the largest strip that is packed each time it is multiplied; 0 where all are packed.
    let mappedStripBytes: Int
    let family: any ModelFamily
    let isa: apus_isa
    /// These own what the family's matrices point into.
    private let memory: Memory
    private let file: GGUFFile

    /// Reads and checks the weights of `file`, and packs them on all threads of `team` where `storage` says
    /// so. `report` is told how far that is, on the calling thread.
    package convenience init(
        _ file: GGUFFile, team: ThreadTeam, instructionSet: InstructionSet = .best,
        storage: WeightStorage = .packed,
        report: @escaping (LoadingProgress) -> Void = { _ in }
    ) throws(ModelError) {
        try self.init(
            file, team: team, instructionSet: instructionSet, storage: storage,
            onlyMeasures: false, report: report)
    }

    /// Everything but the packing: sizes and shapes are right, packed matrices take no memory and must not be
    /// multiplied with.
    static func measured(
        _ file: GGUFFile, team: ThreadTeam, storage: WeightStorage
    ) throws(ModelError) -> Model {
        try Model(
            file, team: team, instructionSet: .best, storage: storage, onlyMeasures: true
        ) { _ in }
    }

    private init(
        _ file: GGUFFile, team: ThreadTeam, instructionSet: InstructionSet,
        storage: WeightStorage, onlyMeasures: Bool, report: @escaping (LoadingProgress) -> Void
    ) throws(ModelError) {
        let parameters = try HyperParameters(file)
        let type = try Decoding.family(of: parameters.architecture)
        try parameters.checkVariants(honoring: type.honoredKeys)
        if !onlyMeasures { _ = Prefetching.measured }
        let memory = Memory()
        let packer = StripPacker(
            file: file, memory: memory, team: team, onlyMeasures: onlyMeasures, report: report)
        let loader = WeightLoader(
            file: file, memory: memory, isa: instructionSet.isa, storage: storage, packer: packer)
        family = try type.init(parameters, loader)
        // Where a family's layers see all there is, a window changes nothing up to its length.
        contextLength = try type.contextLength(
            parameters, heedsWindow: !family.kvShape.spans.allSatisfy { $0 == .full })
        try loader.checkAllUsed()
        packer.reportEnd()
        if let damage = file.damage { throw .file(damage) }
        architecture = parameters.architecture
        self.memory = memory
        self.file = file
        isa = instructionSet.isa
        vocabularySize = family.embedding.vocabularySize
        weightBytes = memory.allocatedBytes
        mappedWeightBytes = loader.mappedBytes
        mappedStripBytes = loader.mappedStripBytes
    }

    /// Bytes that one KV block takes: 16 positions of one group's layers.
    package func kvBlockBytes(_ type: KVType) -> Int { family.kvShape.blockBytes(type) }

    /// What the queries of each group of layers see. A sequence has a block table for each.
    package var kvGroups: [AttentionSpan] { family.kvShape.spans }

    /// Whether keys and values may be shared only between tokens that both were given or both generated.
    package var tellsPromptTokensApart: Bool { family.kvShape.tellsPromptTokensApart }
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
