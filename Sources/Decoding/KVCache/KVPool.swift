// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// How keys and values are kept.
package enum KVType: String, Sendable, CaseIterable {
    case f16
    /// BF16, with which the products of attention are of BF16, too: twice as fast where a CPU has them.
    case bf16
    case f32
    /// 8 bits, and an f16 scale for each 32 values of a position: half the memory of BF16, with which its
    /// products are computed.
    case q8

    /// What commands use unless told otherwise.
    package static let standard = KVType.bf16

    /// Whether values are kept in pairs, those of an odd number filled up.
    var pairs: Bool { self == .bf16 || self == .q8 }

    /// Bytes of `count` values of each of 16 positions, scales included.
    func bytes(of16 count: Int) -> Int {
        switch self {
        case .f16, .bf16: 16 * count * 2
        case .f32: 16 * count * 4
        case .q8: 16 * count + 16 * 2 * ((count + 31) / 32)
        }
    }

    /// How keys and values are kept for as long as a step lasts, where a pool of this type keeps latents.
    var expanded: KVType { pairs ? .bf16 : .f32 }
}

/// The keys and values of all sequences: a fixed number of blocks of 16 positions each.
///
/// Layout: [slot][block][head] pages. A sequence names its blocks in a block table for each group of
/// layers (PagedAttention, Kwon et al. 2023).
struct KVPool {
    let shape: KVShape
    let type: KVType
    let blockCount: Int
    let operations: KVOperations
    private let base: UnsafeMutablePointer<UInt8>
    private let pageBytes: Int
    private let slotBytes: Int

    init(
        _ memory: Memory, shape: KVShape, type: KVType, blockCount: Int, isa: apus_isa
    ) throws(ModelError) {
        self.shape = shape
        self.type = type
        self.blockCount = blockCount
        operations = KVOperations(type, isa: isa)
        pageBytes = shape.pageBytes(type)
        let (slot, overflowsSlot) = (pageBytes * shape.headCount).multipliedReportingOverflow(
            by: blockCount)
        let (total, overflows) = slot.multipliedReportingOverflow(by: shape.slotCount)
        guard !overflowsSlot, !overflows else { throw .outOfResources("\(blockCount) KV blocks") }
        slotBytes = slot
        base = try memory.allocate(UInt8.self, count: total)
    }

    /// One head of one layer as a sequence with this block table sees it.
    func view(
        _ place: KVShape.Place, head: Int, blockTable: UnsafePointer<Int32>, scale: Float
    ) -> apus_kv_view {
        apus_kv_view(
            pages: pages(place, head: head), page_stride: pageBytes * shape.headCount,
            block_table: blockTable, key_dimension: shape.keyDimension,
            value_dimension: shape.valueDimension, scale: scale)
    }

    /// Keeps the key and the value of one head at one position.
    func append(
        _ place: KVShape.Place, head: Int, blockTable: UnsafePointer<Int32>, position: Int,
        key: UnsafePointer<Float>, value: UnsafePointer<Float>
    ) {
        var view = view(place, head: head, blockTable: blockTable, scale: 1)
        operations.store(&view, pages(place, head: head), position, key, value)
    }

    /// Keeps the latent of one position.
    func append(
        _ place: KVShape.Place, blockTable: UnsafePointer<Int32>, position: Int,
        latent: UnsafePointer<Float>
    ) {
        var view = view(place, head: 0, blockTable: blockTable, scale: 1)
        operations.storeLatent(&view, pages(place, head: 0), position, latent)
    }

    /// Copies one place of a block, all heads of one layer, to another block.
    func copy(_ source: Int32, to destination: Int32, slot: Int) {
        precondition(
            (0..<blockCount).contains(Int(source)) && (0..<blockCount).contains(Int(destination)),
            "no such KV block")
        let bytes = pageBytes * shape.headCount
        let place = base + slot * slotBytes
        (place + Int(destination) * bytes).update(from: place + Int(source) * bytes, count: bytes)
    }

    private func pages(_ place: KVShape.Place, head: Int) -> UnsafeMutablePointer<UInt8> {
        base + place.slot * slotBytes + head * pageBytes
    }
}
