// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// One forward pass over the new tokens of several sequences: their rows, and the scratch that the
/// layers write. Engine thread only; everything is allocated once.
final class Step {
    /// Consecutive rows of one sequence.
    struct Slice {
        let firstRow: Int
        let rowCount: Int
        /// Where its block table begins in `blockTables`.
        let tableOffset: Int
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
    /// cos and sin of each row's rotary angles [T, pairs].
    let cosines: Rows
    let sines: Rows

    init(
        shape: WorkspaceShape, kv: KVPool, maxRowCount: Int, team: ThreadTeam, isa: apus_isa,
        memory: Memory
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
        normed = try activations(shape.hiddenSize)
        projections = try Rows(memory, capacity: maxRowCount, width: shape.projectionWidth)
        attended = try activations(shape.attendedWidth)
        gated = try activations(max(shape.feedForwardWidth, 1))
        routing = try Routing(memory, shape: shape, maxRowCount: maxRowCount, isa: isa)
        cosines = try Rows(memory, capacity: maxRowCount, width: shape.rotaryPairs)
        sines = try Rows(memory, capacity: maxRowCount, width: shape.rotaryPairs)
        var workers: [WorkerScratch] = []
        for _ in 0..<team.threadCount {
            workers.append(try WorkerScratch(memory, valueDimension: shape.valueDimension))
        }
        self.workers = workers
    }

    /// Forgets the rows of the pass before.
    func removeAll() {
        rowCount = 0
        slices.removeAll(keepingCapacity: true)
        attentionTiles.removeAll(keepingCapacity: true)
        blockTables.removeAll(keepingCapacity: true)
    }

    /// Adds the tokens of one sequence, the first of them at `startPosition`.
    func append(
        tokens newTokens: some Collection<Int32>, startPosition: Int,
        blockTable: some Collection<Int32>
    ) {
        precondition(rowCount + newTokens.count <= maxRowCount, "the step is full")
        precondition(
            blockTable.count * Int(APUS_PAGE_POSITIONS) >= startPosition + newTokens.count,
            "the block table does not reach the last position")
        let slice = Slice(
            firstRow: rowCount, rowCount: newTokens.count, tableOffset: blockTables.count)
        for (index, token) in newTokens.enumerated() {
            tokens[rowCount + index] = token
            positions[rowCount + index] = Int32(startPosition + index)
            sliceOfRow[rowCount + index] = Int32(slices.count)
        }
        for block in blockTable {
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

    /// Calls `body` with the block tables of all slices; a slice's begins at its `tableOffset`.
    func withBlockTables(_ body: (UnsafePointer<Int32>) -> Void) {
        blockTables.withUnsafeBufferPointer { tables in
            if let base = tables.baseAddress { body(base) }
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
