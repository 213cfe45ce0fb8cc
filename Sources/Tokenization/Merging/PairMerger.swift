// SPDX-License-Identifier: Apache-2.0

import HeapModule

/// A stretch of text that is one token so far; `id` is negative if it is none.
struct Symbol {
    var id: Int32
    var start: Int32
    var end: Int32
}

/// Says what two neighbouring symbols become.
protocol MergeRule {
    func merge(_ left: Symbol, _ right: Symbol) -> Merge
}

/// Merges the symbols of a piece, always the pair of the lowest rank and of those the leftmost.
///
/// Short pieces search their pairs, long ones keep them in a heap, so that time stays within
/// n log n for any text. One merger serves many pieces and keeps its memory.
struct PairMerger {
    /// Where searching all pairs costs as much as the heap does, measured on English.
    private static let maxSearchedCount = 40

    /// The piece's symbols; what is left of them after `merge`.
    var symbols: [Symbol] = []
    /// How often a pair was looked up or taken from the heap, in all pieces.
    private(set) var stepCount = 0

    private var merges: [Merge] = []
    private var next: [Int32] = []
    private var previous: [Int32] = []

    /// Merges `symbols` until no pair has a merge.
    mutating func merge(by rule: some MergeRule) {
        guard symbols.count > 1 else { return }
        merges.removeAll(keepingCapacity: true)
        for index in 1..<symbols.count {
            merges.append(rule.merge(symbols[index - 1], symbols[index]))
        }
        stepCount += symbols.count
        if symbols.count <= Self.maxSearchedCount {
            mergeBySearch(rule)
        } else {
            mergeByHeap(rule)
        }
    }

    private mutating func mergeBySearch(_ rule: some MergeRule) {
        while true {
            var best = 0
            var rank = UInt32.max
            for index in merges.indices where merges[index].rank < rank {
                best = index
                rank = merges[index].rank
            }
            guard rank != .max else { return }
            symbols[best].id = merges[best].id
            symbols[best].end = symbols[best + 1].end
            symbols.remove(at: best + 1)
            merges.remove(at: best)
            if best > 0 { merges[best - 1] = rule.merge(symbols[best - 1], symbols[best]) }
            if best < merges.count { merges[best] = rule.merge(symbols[best], symbols[best + 1]) }
            stepCount += 2
        }
    }

    /// The heap's entries are a rank above the left symbol's index; one whose rank is no longer
    /// that of the pair there is out of date.
    private mutating func mergeByHeap(_ rule: some MergeRule) {
        merges.append(.none)
        linkSymbols()
        var heap = Heap(
            merges.indices.lazy.filter { [merges] in merges[$0].rank != .max }
                .map { [merges] in UInt64(merges[$0].rank) << 32 | UInt64($0) })
        while let entry = heap.popMin() {
            stepCount += 1
            let index = Int(entry & 0xFFFF_FFFF)
            guard merges[index].rank == UInt32(entry >> 32) else { continue }
            joinNext(to: index)
            update(index, rule, &heap)
            if previous[index] >= 0 { update(Int(previous[index]), rule, &heap) }
        }
        var index = 0
        var count = 0
        while index < symbols.count {
            symbols[count] = symbols[index]
            count += 1
            index = Int(next[index])
        }
        symbols.removeLast(symbols.count - count)
    }

    private mutating func linkSymbols() {
        let count = Int32(symbols.count)
        next.removeAll(keepingCapacity: true)
        next.append(contentsOf: 1..<count + 1)
        previous.removeAll(keepingCapacity: true)
        previous.append(contentsOf: -1..<count - 1)
    }

    /// Joins the symbol at `index` and the one after it, which drops out of the list.
    private mutating func joinNext(to index: Int) {
        let joined = Int(next[index])
        symbols[index].id = merges[index].id
        symbols[index].end = symbols[joined].end
        merges[joined] = .none
        next[index] = next[joined]
        if Int(next[index]) < symbols.count { previous[Int(next[index])] = Int32(index) }
    }

    /// Looks up the pair that begins at `index` anew.
    private mutating func update(
        _ index: Int, _ rule: some MergeRule, _ heap: inout Heap<UInt64>
    ) {
        let after = Int(next[index])
        merges[index] = after < symbols.count ? rule.merge(symbols[index], symbols[after]) : .none
        stepCount += 1
        if merges[index].rank != .max {
            heap.insert(UInt64(merges[index].rank) << 32 | UInt64(index))
        }
    }
}
