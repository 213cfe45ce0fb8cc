// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// How keys and values are kept.
package enum KVType: String, Sendable, CaseIterable {
    case f16
    case f32

    var bytes: Int { self == .f16 ? 2 : 4 }
}

/// What one layer keeps of one position.
struct KVShape: Equatable {
    let layerCount: Int
    let headCount: Int
    let keyDimension: Int
    let valueDimension: Int

    /// Bytes of one page: 16 positions of one head, keys transposed, then values padded to 16 lanes.
    func pageBytes(_ type: KVType) -> Int {
        let valueStride = (valueDimension + 15) / 16 * 16
        return 16 * (keyDimension + valueStride) * type.bytes
    }

    /// Bytes of one block: 16 positions of every head and layer.
    func blockBytes(_ type: KVType) -> Int { layerCount * headCount * pageBytes(type) }
}

/// The keys and values of all sequences: a fixed number of blocks of 16 positions each.
///
/// Layout: [layer][block][head] pages. A sequence names its blocks in a block table
/// (PagedAttention, Kwon et al. 2023).
struct KVPool {
    let shape: KVShape
    let type: KVType
    let blockCount: Int
    private let base: UnsafeMutablePointer<UInt8>
    private let pageBytes: Int
    private let layerBytes: Int
    let attend:
        @convention(c) (
            UnsafePointer<apus_kv_view>, UnsafePointer<UnsafePointer<Float>>, UnsafePointer<Int32>,
            Int,
            UnsafePointer<UnsafeMutablePointer<Float>>, UnsafeMutablePointer<Float>
        ) -> Void
    private let store:
        @convention(c) (
            UnsafePointer<apus_kv_view>, UnsafeMutablePointer<UInt8>, Int, UnsafePointer<Float>,
            UnsafePointer<Float>
        ) -> Void

    init(
        _ memory: Memory, shape: KVShape, type: KVType, blockCount: Int, isa: apus_isa
    ) throws(ModelError) {
        self.shape = shape
        self.type = type
        self.blockCount = blockCount
        pageBytes = shape.pageBytes(type)
        let (layer, overflowsLayer) = (pageBytes * shape.headCount).multipliedReportingOverflow(
            by: blockCount)
        let (total, overflows) = layer.multipliedReportingOverflow(by: shape.layerCount)
        guard !overflowsLayer, !overflows else { throw .outOfResources("\(blockCount) KV blocks") }
        layerBytes = layer
        base = try memory.allocate(UInt8.self, count: total)
        let operations = apus_vectors(isa).pointee
        attend = type == .f16 ? operations.attend_f16 : operations.attend_f32
        store = type == .f16 ? operations.store_f16 : operations.store_f32
    }

    /// One head of one layer as a sequence with this block table sees it.
    func view(layer: Int, head: Int, blockTable: UnsafePointer<Int32>, scale: Float) -> apus_kv_view
    {
        apus_kv_view(
            pages: pages(layer: layer, head: head), page_stride: pageBytes * shape.headCount,
            block_table: blockTable, key_dimension: shape.keyDimension,
            value_dimension: shape.valueDimension, scale: scale)
    }

    /// Keeps the key and the value of one head at one position.
    func append(
        layer: Int, head: Int, blockTable: UnsafePointer<Int32>, position: Int,
        key: UnsafePointer<Float>, value: UnsafePointer<Float>
    ) {
        var view = view(layer: layer, head: head, blockTable: blockTable, scale: 1)
        store(&view, pages(layer: layer, head: head), position, key, value)
    }

    private func pages(layer: Int, head: Int) -> UnsafeMutablePointer<UInt8> {
        base + layer * layerBytes + head * pageBytes
    }
}
