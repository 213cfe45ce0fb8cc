// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// One head's keys and values of up to 64 positions, expanded from their latents. One per thread.
struct LatentExpansion {
    /// A tile of attention, and of the columns that a matrix is multiplied with.
    static let positionCount = WorkerScratch.columnTile

    /// The kernels of the pages' type.
    let operations: KVOperations
    private let shape: LatentShape
    /// [positions, dimension] as the pool has them.
    private let entries: UnsafeMutablePointer<Float>
    /// [positions, rank]
    private let latents: Activations
    /// [positions, query dimension], each padded to 16.
    private let keys: Rows
    /// [positions, value dimension], each padded to 16.
    private let values: Rows
    /// Pages of one head, one after the other.
    private let pages: UnsafeMutablePointer<UInt8>
    private let pageBytes: Int
    /// 0, 1, 2, 3.
    private let blockTable: UnsafeMutablePointer<Int32>

    init?(
        _ memory: Memory, shape: LatentShape?, kvType: KVType, isa: apus_isa
    ) throws(ModelError) {
        guard let shape else { return nil }
        self.shape = shape
        operations = KVOperations(kvType.expanded, isa: isa)
        pageBytes = KVShape.Entry.heads(
            count: 1, keyDimension: shape.queryDimension, valueDimension: shape.valueDimension
        ).pageBytes(kvType.expanded)
        entries = try memory.allocate(
            Float.self, count: Self.positionCount * shape.dimension)
        latents = try Activations(
            memory, capacity: Self.positionCount, width: shape.rank, isa: isa, quantizes: true)
        // A strip of the plain part may reach past the rotary part, which comes after it.
        keys = try Rows(
            memory, capacity: Self.positionCount,
            width: (shape.plainDimension + 15) / 16 * 16 + shape.rotaryDimension)
        values = try Rows(memory, capacity: Self.positionCount, width: shape.valueDimension)
        let pageCount = Self.positionCount / 16
        pages = try memory.allocate(UInt8.self, count: pageCount * pageBytes)
        blockTable = try memory.allocate(Int32.self, count: pageCount)
        for page in 0..<pageCount { blockTable[page] = Int32(page) }
    }

    /// The expanded positions, as positions 0, 1, … of a sequence.
    func view(scale: Float) -> apus_kv_view {
        apus_kv_view(
            pages: pages, page_stride: pageBytes, block_table: blockTable,
            key_dimension: shape.queryDimension, value_dimension: shape.valueDimension,
            scale: scale)
    }

    /// Expands positions `start` ..< `start + count` for one head.
    ///
    /// `key` is [plain dimension, rank], `value` [value dimension, rank].
    func expand(
        _ latentView: apus_kv_view, start: Int, count: Int, key: Matrix, value: Matrix,
        _ step: Step, _ scratch: WorkerScratch
    ) {
        var latentView = latentView
        step.kv.operations.loadLatents(&latentView, start, count, entries)
        for index in 0..<count {
            latents.rows[index].update(
                from: entries + index * shape.dimension, count: shape.rank)
            latents.updateQuantized(row: index)
        }
        multiply(key, into: keys, count: count, scratch)
        multiply(value, into: values, count: count, scratch)
        var view = view(scale: 1)
        for index in 0..<count {
            (keys[index] + shape.plainDimension).update(
                from: entries + index * shape.dimension + shape.rank, count: shape.rotaryDimension)
            operations.store(&view, pages, index, keys[index], values[index])
        }
    }

    /// rows = matrix · latents
    private func multiply(_ matrix: Matrix, into rows: Rows, count: Int, _ scratch: WorkerScratch) {
        for strip in 0..<matrix.stripCount {
            for index in 0..<count { scratch.outputs[index] = rows[index] + strip * 16 }
            matrix.strips(strip..<strip + 1, scratch.firstStrips).multiply(
                strip: strip, columns: latents.columns(for: matrix), count: count,
                outputs: scratch.outputs)
        }
    }
}
