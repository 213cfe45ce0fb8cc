// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// Runs steps: the new tokens of several sequences through the model, logits for the rows that need
/// them. Engine thread only; a step allocates nothing.
package final class ModelRunner {
    /// The logits of one row.
    package struct Row {
        /// Which `append` of the step it belongs to, from 0.
        package let slice: Int
        /// Which token of that slice.
        package let index: Int
        /// Which of the sequences that sample from the row, from 0.
        package let copy: Int
        /// Which of all rows of the step that need logits, in the order of `append`.
        package let ordinal: Int
        /// [V]; the visitor may write to them.
        package let logits: UnsafeMutableBufferPointer<Float>
        /// Which thread visits, 0 ..< the team's count.
        package let worker: Int
    }

    private struct Wanted {
        let slice: Int
        let index: Int
        let copy: Int
        let row: Int
    }

    /// Rows whose logits are computed together: [32, V] float32 stays within the L3 for most V, and one
    /// pass over the output matrix serves them all.
    private static let logitsTile = 32

    package let model: Model
    private let memory = Memory()
    private let step: Step
    private let headInput: Activations
    private let logits: Rows
    private var wanted: [Wanted] = []

    /// Tokens that a step takes at most.
    package var maxTokenCount: Int { step.maxRowCount }
    /// KV blocks in the pool.
    package var kvBlockCount: Int { step.kv.blockCount }
    /// Weights that all steps so far have read.
    package var weightsRead: WeightsRead { step.weightsRead }
    /// Tokens that layers have sent to their experts.
    package let routedTokens: RoutedTokens
    /// Bytes of KV memory and scratch.
    package var allocatedBytes: Int { memory.allocatedBytes }

    /// Reserves the KV pool and the scratch for steps of up to `maxTokenCount` tokens. Attention cuts a context
    /// into segments of `attentionSegmentLength` positions, a multiple of 64, and its results depend on them in
    /// their last bits.
    package init(
        _ model: Model, team: ThreadTeam, maxTokenCount: Int, kvBlockCount: Int,
        kvType: KVType = .standard, attentionSegmentLength: Int = 1024
    ) throws(ModelError) {
        self.model = model
        let family = model.family
        var shape = WorkspaceShape()
        shape.hiddenSize = family.outputNorm.width
        shape.quantizes = family.output.weight.takesQuantizedColumns
        shape.mappedStripBytes = model.mappedStripBytes
        family.reserve(in: &shape)
        let kv = try KVPool(
            memory, shape: family.kvShape, type: kvType, blockCount: kvBlockCount, isa: model.isa)
        step = try Step(
            shape: shape, kv: kv, maxRowCount: maxTokenCount,
            segmentLength: attentionSegmentLength, team: team, isa: model.isa, memory: memory)
        routedTokens = RoutedTokens(shape)
        headInput = try Activations(
            memory, capacity: Self.logitsTile, width: shape.hiddenSize, isa: model.isa,
            quantizes: shape.quantizes)
        logits = try Rows(memory, capacity: Self.logitsTile, width: model.vocabularySize)
    }

    /// Whether threads that wait for others spin before they park, as they do at first: the faster way, unless
    /// CPU time is rationed.
    package func setSpinning(_ spins: Bool) { step.team.setSpinning(spins) }

    /// Copies KV blocks, one after the other, before the next step runs.
    package func copyBlocks(_ copies: some Collection<(source: Int32, destination: Int32)>) {
        guard !copies.isEmpty else { return }
        step.team.forEach(step.kv.shape.slotCount) { slot, _ in
            for (source, destination) in copies {
                step.kv.copy(source, to: destination, slot: slot)
            }
        }
    }

    /// Adds tokens of one sequence to the next step, the first of them at `startPosition`; the last
    /// `logitsRowCount` of them need logits, and the last of those as many times as there are
    /// `samplingCount` sequences that go on from it.
    ///
    /// The sequence's first `promptTokenCount` tokens were given, the others generated: latent attention
    /// computes the former for many at a time, and each with the same result in any step. `blockTables`
    /// are those of all groups, one behind the other, all of the same length.
    package func append(
        tokens: some Collection<Int32>, startPosition: Int, promptTokenCount: Int = .max,
        blockTables: some Collection<Int32>, logitsRowCount: Int, samplingCount: Int = 1
    ) {
        precondition((0...tokens.count).contains(logitsRowCount), "more logits than rows")
        let slice = step.slices.count
        let firstRow = step.rowCount
        step.append(
            tokens: tokens, startPosition: startPosition, promptTokenCount: promptTokenCount,
            blockTables: blockTables)
        for index in tokens.count - logitsRowCount..<tokens.count {
            for copy in 0..<(index == tokens.count - 1 ? samplingCount : 1) {
                wanted.append(
                    Wanted(slice: slice, index: index, copy: copy, row: firstRow + index))
            }
        }
    }

    /// Runs the step and clears it. `visit` is called once for each row that needs logits and each sequence
    /// that samples from it, on any thread of the team, several at a time.
    package func run(visit: (Row) -> Void) {
        if step.rowCount > 0 {
            model.family.forward(step)
            routedTokens.publish(step.routing)
        }
        for start in stride(from: 0, to: wanted.count, by: Self.logitsTile) {
            visitTile(start..<min(wanted.count, start + Self.logitsTile), visit)
        }
        wanted.removeAll(keepingCapacity: true)
        step.removeAll()
    }

    private func visitTile(_ tile: Range<Int>, _ visit: (Row) -> Void) {
        let family = model.family
        for index in tile {
            let slot = index - tile.lowerBound
            family.outputNorm.apply(
                step.hidden[wanted[index].row], into: headInput.rows[slot], step)
            headInput.updateQuantized(row: slot)
        }
        family.output.apply(headInput, into: logits, count: tile.count, step)
        step.team.forEach(tile.count) { slot, worker in
            let row = wanted[tile.lowerBound + slot]
            if family.logitScale != 1 {
                for token in 0..<model.vocabularySize { logits[slot][token] *= family.logitScale }
            }
            visit(
                Row(
                    slice: row.slice, index: row.index, copy: row.copy,
                    ordinal: tile.lowerBound + slot,
                    logits: UnsafeMutableBufferPointer(
                        start: logits[slot], count: model.vocabularySize),
                    worker: worker))
        }
    }
}
