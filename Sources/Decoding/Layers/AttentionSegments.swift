// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// Attention over long contexts, segment by segment of positions, so that one sequence keeps all threads busy
/// (Flash-Decoding, Dao et al. 2023).
///
/// What segments give is put together in the order of positions, by whichever threads it was computed, so a
/// query's result does not depend on how the work was shared.
struct AttentionSegments {
    /// Positions of a segment, a multiple of 64.
    let length: Int
    private let valueDimension: Int
    /// Parts that a phase can keep: one for each query and segment.
    private let capacity: Int
    /// `capacity` parts, and behind them as many for each worker as it has queries at a time.
    private let parts: UnsafeMutablePointer<apus_attention_query>

    private static let workerParts = Int(APUS_ATTENTION_QUERIES)
    /// Where a phase has fewer work items than this for each thread, threads would wait for others.
    private static let itemsPerThread = 2

    init(
        _ memory: Memory, length: Int, valueDimension: Int, threadCount: Int
    ) throws(ModelError) {
        self.length = length
        self.valueDimension = valueDimension
        // Enough for as many items as are split, with four segments each.
        capacity =
            threadCount > 1 ? threadCount * Self.itemsPerThread * 4 * Self.workerParts : 0
        let count = capacity + threadCount * Self.workerParts
        parts = try memory.allocate(apus_attention_query.self, count: count)
        let outputs = try memory.allocate(Float.self, count: max(1, count * valueDimension))
        for index in 0..<count { parts[index].output = outputs + index * valueDimension }
    }

    /// How many segments the positions up to `last` have.
    func count(upTo last: Int) -> Int { last / length + 1 }

    /// Whether `itemCount` work items of up to `queryCount` queries each are better computed a segment at a
    /// time.
    func splits(
        itemCount: Int, queryCount: Int, segmentCount: Int, threadCount: Int
    ) -> Bool {
        segmentCount > 1 && itemCount < threadCount * Self.itemsPerThread
            && itemCount * queryCount * segmentCount <= capacity
    }

    /// Visits all positions for `count` queries.
    func attend(
        _ view: inout apus_kv_view, _ queries: UnsafeMutablePointer<apus_attention_query>,
        _ count: Int, _ step: Step, worker: Int
    ) {
        guard count > 0 else { return }
        var first = Int.max
        var last = 0
        for index in 0..<count {
            first = min(first, Int(queries[index].first_position))
            last = max(last, Int(queries[index].last_position))
        }
        let scratch = step.workers[worker].attention
        let own = parts + capacity + worker * Self.workerParts
        for segment in first / length...last / length {
            let start = segment * length
            if segment == first / length {
                step.kv.operations.attend(&view, queries, count, start, start + length, scratch)
                continue
            }
            visit(&view, queries, count, segment: segment, into: own, step, scratch)
            merge(own, into: queries, count, step)
        }
    }

    /// Visits one segment for `count` queries and keeps the result as parts from `slot` on.
    func attend(
        _ view: inout apus_kv_view, _ queries: UnsafeMutablePointer<apus_attention_query>,
        _ count: Int, segment: Int, slot: Int, _ step: Step, worker: Int
    ) {
        visit(
            &view, queries, count, segment: segment, into: parts + slot, step,
            step.workers[worker].attention)
    }

    /// Puts parts that were kept from `slot` on behind what the queries have.
    func merge(
        slot: Int, into queries: UnsafeMutablePointer<apus_attention_query>, _ count: Int,
        _ step: Step
    ) {
        merge(parts + slot, into: queries, count, step)
    }

    private func visit(
        _ view: inout apus_kv_view, _ queries: UnsafeMutablePointer<apus_attention_query>,
        _ count: Int, segment: Int, into parts: UnsafeMutablePointer<apus_attention_query>,
        _ step: Step, _ scratch: UnsafeMutablePointer<Float>
    ) {
        for index in 0..<count {
            let output = parts[index].output
            parts[index] = queries[index]
            parts[index].output = output
            parts[index].maximum = -.infinity
            parts[index].sum = 0
        }
        step.kv.operations.attend(
            &view, parts, count, segment * length, (segment + 1) * length, scratch)
    }

    private func merge(
        _ parts: UnsafeMutablePointer<apus_attention_query>,
        into queries: UnsafeMutablePointer<apus_attention_query>, _ count: Int, _ step: Step
    ) {
        for index in 0..<count {
            step.vectors.merge_attention(queries + index, parts + index, valueDimension)
        }
    }
}
