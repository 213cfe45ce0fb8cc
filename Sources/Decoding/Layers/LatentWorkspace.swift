// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// What latent attention computes between its projections, for one layer at a time.
struct LatentWorkspace {
    /// Generated rows that are computed together.
    static let tileRows = 32

    /// Low-rank queries of all rows [T, query rank].
    let lowRankQueries: Activations
    /// Queries of all rows [T, heads · query dimension].
    let queries: Rows
    /// Running softmax of each prompt row, [heads][T].
    let states: UnsafeMutablePointer<apus_attention_query>
    /// Rows of the step that are generated tokens, ascending.
    let generatedRows: UnsafeMutablePointer<Int32>

    // Of a tile of generated rows, [heads][tileRows] each.

    /// Queries without their rotary part, [plain dimension].
    let plainQueries: Activations
    /// Queries against latents, [dimension].
    let absorbedQueries: Rows
    /// Weighted sums of latents, [rank].
    let mixedLatents: Activations

    private let capacity: Int

    init?(
        _ memory: Memory, shape: WorkspaceShape, maxRowCount: Int, isa: apus_isa
    ) throws(ModelError) {
        guard let latent = shape.latent else { return nil }
        func activations(_ capacity: Int, _ width: Int) throws(ModelError) -> Activations {
            try Activations(
                memory, capacity: capacity, width: width, isa: isa, quantizes: shape.quantizes)
        }
        capacity = maxRowCount
        lowRankQueries = try activations(maxRowCount, max(1, shape.lowRankQueryWidth))
        queries = try Rows(
            memory, capacity: maxRowCount, width: latent.headCount * latent.queryDimension)
        states = try memory.allocate(
            apus_attention_query.self, count: maxRowCount * latent.headCount)
        generatedRows = try memory.allocate(Int32.self, count: maxRowCount)
        let slotCount = latent.headCount * Self.tileRows
        plainQueries = try activations(slotCount, latent.plainDimension)
        absorbedQueries = try Rows(
            memory, capacity: slotCount,
            width: (latent.rank + 15) / 16 * 16 + latent.rotaryDimension)
        mixedLatents = try activations(slotCount, latent.rank)
    }

    /// The states of one head, by row.
    func states(ofHead head: Int) -> UnsafeMutablePointer<apus_attention_query> {
        states + head * capacity
    }

    /// Where a head of the `index`-th row of a tile is.
    static func slot(head: Int, index: Int) -> Int { head * tileRows + index }
}
