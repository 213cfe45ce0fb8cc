// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// One head's keys and values of up to 64 positions, expanded from their latents. One per thread.
struct LatentExpansion {
    /// A tile of attention, and of the columns that a matrix is multiplied with.
    static let positionCount = WorkerScratch.columnTile

    private let shape: LatentShape
    /// [positions, dimension] as the pool has them.
    private let entries: UnsafeMutablePointer<Float>
    /// [positions, rank]
    private let latents: Activations
    /// float32 pages: keys [query dimension][16], then values [16][value stride].
    private let pages: UnsafeMutablePointer<Float>
    private let pageValueCount: Int
    private let valueStride: Int
    /// 0, 1, 2, 3: the pages lie one after the other.
    private let blockTable: UnsafeMutablePointer<Int32>

    init?(_ memory: Memory, shape: LatentShape?, isa: apus_isa) throws(ModelError) {
        guard let shape else { return nil }
        self.shape = shape
        valueStride = (shape.valueDimension + 15) / 16 * 16
        pageValueCount = 16 * (shape.queryDimension + valueStride)
        entries = try memory.allocate(
            Float.self, count: Self.positionCount * shape.dimension)
        latents = try Activations(
            memory, capacity: Self.positionCount, width: shape.rank, isa: isa, quantizes: true)
        let pageCount = Self.positionCount / 16
        pages = try memory.allocate(Float.self, count: pageCount * pageValueCount)
        blockTable = try memory.allocate(Int32.self, count: pageCount)
        for page in 0..<pageCount { blockTable[page] = Int32(page) }
    }

    /// The expanded positions, as positions 0, 1, … of a sequence.
    func view(scale: Float) -> apus_kv_view {
        apus_kv_view(
            pages: UnsafeRawPointer(pages).assumingMemoryBound(to: UInt8.self),
            page_stride: pageValueCount * MemoryLayout<Float>.stride, block_table: blockTable,
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
            let entry = entries + index * shape.dimension
            latents.rows[index].update(from: entry, count: shape.rank)
            latents.updateQuantized(row: index)
            let keys = page(of: index) + shape.plainDimension * 16 + index % 16
            for pair in 0..<shape.rotaryDimension { keys[pair * 16] = entry[shape.rank + pair] }
        }
        for strip in 0..<key.stripCount {
            key.strips(strip..<strip + 1, scratch.firstStrips).multiply(
                strip: strip, columns: latents.columns(for: key), count: count,
                outputs: scratch.firstOutputs)
            let rows = min(16, shape.plainDimension - strip * 16)
            for index in 0..<count {
                let keys = page(of: index) + strip * 256 + index % 16
                for row in 0..<rows { keys[row * 16] = scratch.first[index * 16 + row] }
            }
        }
        for strip in 0..<value.stripCount {
            for index in 0..<count {
                scratch.outputs[index] =
                    page(of: index) + shape.queryDimension * 16 + index % 16 * valueStride
                    + strip * 16
            }
            value.strips(strip..<strip + 1, scratch.firstStrips).multiply(
                strip: strip, columns: latents.columns(for: value), count: count,
                outputs: scratch.outputs)
        }
    }

    private func page(of index: Int) -> UnsafeMutablePointer<Float> {
        pages + index / 16 * pageValueCount
    }
}
