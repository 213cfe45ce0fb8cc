// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// One forward pass over the new tokens of several sequences: their rows, and the scratch that the
/// layers write. Engine thread only; everything is allocated once.
final class Step {
    /// Consecutive rows of one sequence.
    struct Slice {
        let firstRow: Int
        let rowCount: Int
        /// How many of its rows, the first ones, are tokens of a prompt.
        let promptRowCount: Int
        /// Where its block tables begin in `blockTables`, one behind the other.
        let tableOffset: Int
        /// Blocks in each of them.
        let tableLength: Int
    }

    /// Rows of one slice whose queries meet the same keys in one work item.
    struct AttentionTile {
        let slice: Int
        let firstRow: Int
        let rowCount: Int
    }

    let team: ThreadTeam
    let vectors: apus_vector_operations
    let kv: KVPool
    let maxRowCount: Int
    let workers: [WorkerScratch]
    let attentionSegments: AttentionSegments

    private(set) var rowCount = 0
    /// Of all passes so far.
    private(set) var weightsRead = WeightsRead()
    private(set) var slices: [Slice] = []
    private(set) var attentionTiles: [AttentionTile] = []
    private var blockTables: [Int32] = []
    let tokens: UnsafeMutablePointer<Int32>
    let positions: UnsafeMutablePointer<Int32>
    let sliceOfRow: UnsafeMutablePointer<Int32>

    /// Residual stream [T, H].
    let hidden: Rows
    /// What a branch of a layer comes to, where it is not added to the residual stream as it is [T, H].
    let branch: Rows
    /// Normalised input of the next matrices [T, H].
    let normed: Activations
    /// Queries, keys and values [T, …].
    let projections: Rows
    /// Attention output before its projection [T, Q·D].
    let attended: Activations
    /// Gated intermediate of a dense feed-forward [T, F].
    let gated: Activations
    /// Expert choice and the experts' intermediates.
    let routing: Routing
    /// What latent attention computes between its projections, where layers have it.
    let latent: LatentWorkspace?
    /// Rotary angles of each row, by `RotaryEmbedding.slot`.
    let rotaryAngles: [RotaryAngles]

    init(
        shape: WorkspaceShape, kv: KVPool, maxRowCount: Int, segmentLength: Int,
        team: ThreadTeam, isa: apus_isa, memory: Memory
    ) throws(ModelError) {
        self.team = team
        self.kv = kv
        self.maxRowCount = maxRowCount
        vectors = apus_vectors(isa).pointee
        tokens = try memory.allocate(Int32.self, count: maxRowCount)
        positions = try memory.allocate(Int32.self, count: maxRowCount)
        sliceOfRow = try memory.allocate(Int32.self, count: maxRowCount)
        func activations(_ width: Int) throws(ModelError) -> Activations {
            try Activations(
                memory, capacity: maxRowCount, width: width, isa: isa, quantizes: shape.quantizes)
        }
        hidden = try Rows(memory, capacity: maxRowCount, width: shape.hiddenSize)
        branch = try Rows(memory, capacity: maxRowCount, width: shape.hiddenSize)
        normed = try activations(shape.hiddenSize)
        projections = try Rows(memory, capacity: maxRowCount, width: shape.projectionWidth)
        attended = try activations(shape.attendedWidth)
        gated = try activations(max(shape.feedForwardWidth, 1))
        routing = try Routing(memory, shape: shape, maxRowCount: maxRowCount, isa: isa)
        var angles: [RotaryAngles] = []
        for pairCount in shape.rotaryPairCounts {
            angles.append(
                try RotaryAngles(memory, capacity: maxRowCount, pairCount: pairCount))
        }
        rotaryAngles = angles
        latent = try LatentWorkspace(memory, shape: shape, maxRowCount: maxRowCount, isa: isa)
        var workers: [WorkerScratch] = []
        for _ in 0..<team.threadCount {
            workers.append(try WorkerScratch(memory, shape: shape, kvType: kv.type, isa: isa))
        }
        self.workers = workers
        attentionSegments = try AttentionSegments(
            memory, length: segmentLength, valueDimension: shape.valueDimension,
            threadCount: team.threadCount)
    }

    /// Forgets the rows of the pass before.
    func removeAll() {
        rowCount = 0
        slices.removeAll(keepingCapacity: true)
        attentionTiles.removeAll(keepingCapacity: true)
        blockTables.removeAll(keepingCapacity: true)
    }

    /// Adds the tokens of one sequence, the first of them at `startPosition`, with its block tables.
    func append(
        tokens newTokens: some Collection<Int32>, startPosition: Int, promptTokenCount: Int,
        blockTables newTables: some Collection<Int32>
    ) {
        let (tableLength, rest) = newTables.count.quotientAndRemainder(
            dividingBy: kv.shape.spans.count)
        precondition(rowCount + newTokens.count <= maxRowCount, "the step is full")
        precondition(
            rest == 0
                && tableLength * Int(APUS_PAGE_POSITIONS) >= startPosition + newTokens.count,
            "the block tables do not reach the last position")
        let slice = Slice(
            firstRow: rowCount, rowCount: newTokens.count,
            promptRowCount: min(newTokens.count, max(0, promptTokenCount - startPosition)),
            tableOffset: blockTables.count, tableLength: tableLength)
        for (index, token) in newTokens.enumerated() {
            tokens[rowCount + index] = token
            positions[rowCount + index] = Int32(startPosition + index)
            sliceOfRow[rowCount + index] = Int32(slices.count)
        }
        for block in newTables {
            precondition(block >= 0 && block < kv.blockCount, "no such KV block")
            blockTables.append(block)
        }
        slices.append(slice)
        rowCount += newTokens.count
    }

    /// Cuts every slice into tiles of at most `maxRowCount` rows for attention.
    func tileAttention(maxRowCount: Int) {
        attentionTiles.removeAll(keepingCapacity: true)
        for (index, slice) in slices.enumerated() {
            for start in stride(from: 0, to: slice.rowCount, by: maxRowCount) {
                attentionTiles.append(
                    AttentionTile(
                        slice: index, firstRow: slice.firstRow + start,
                        rowCount: min(maxRowCount, slice.rowCount - start)))
            }
        }
    }

    /// The last position that a row of the pass has.
    var lastPosition: Int {
        slices.reduce(0) { max($0, Int(positions[$1.firstRow + $1.rowCount - 1])) }
    }

    /// Calls `body` with the block tables of all slices.
    func withBlockTables(_ body: (BlockTables) -> Void) {
        blockTables.withUnsafeBufferPointer { tables in
            if let base = tables.baseAddress { body(BlockTables(base: base)) }
        }
    }

    /// The block tables of all slices, readable by every thread inside a phase.
    struct BlockTables {
        fileprivate let base: UnsafePointer<Int32>

        /// The table of one group of layers.
        func table(of slice: Slice, group: Int) -> UnsafePointer<Int32> {
            base + slice.tableOffset + group * slice.tableLength
        }
    }

    /// Counts weights that a phase streams from memory; layers call it beside the phase.
    func countRead(_ byteCount: Int) { weightsRead.byteCount += byteCount }

    /// The same for experts that have slots.
    func countExpertsRead(_ count: Int, bytesEach byteCount: Int) {
        weightsRead.expertCount += count
        countRead(count * byteCount)
    }

    /// Quantises rows 0..<count of `activations` on all threads.
    func quantize(_ activations: Activations, count: Int) {
        team.forEach(chunkCount(count)) { chunk, _ in
            for row in rows(ofChunk: chunk, count: count) { activations.updateQuantized(row: row) }
        }
    }

    // Row-wise phases hand out eight rows at a time: a row costs under a microsecond.
    private static let chunkRows = 8

    /// Work items that a row-wise phase over `count` rows has.
    func chunkCount(_ count: Int) -> Int { (count + Self.chunkRows - 1) / Self.chunkRows }

    /// The rows of one such item.
    func rows(ofChunk chunk: Int, count: Int) -> Range<Int> {
        chunk * Self.chunkRows..<min(count, (chunk + 1) * Self.chunkRows)
    }
}
