// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tokenization

/// Merges equal neighbours to one of twice the length, shorter ones first.
private struct Doubling: MergeRule {
    func merge(_ left: Symbol, _ right: Symbol) -> Merge {
        guard left.id == right.id, left.id < 20 else { return .none }
        return Merge(rank: UInt32(left.id), id: left.id + 1)
    }
}

/// Merges pairs by a fixed table of random ranks; ids wrap so that merging goes on.
private struct Scrambled: MergeRule {
    let seed: UInt64

    func merge(_ left: Symbol, _ right: Symbol) -> Merge {
        var generator = SeededGenerator(seed: seed &+ UInt64(left.id) << 32 &+ UInt64(right.id))
        let draw = generator.next()
        guard draw % 3 != 0 else { return .none }
        return Merge(rank: UInt32(draw >> 8 & 0xFFFF), id: Int32(draw >> 32 & 0x3F))
    }
}

@Suite struct PairMergerTests {
    private func symbols(_ ids: [Int32]) -> [Symbol] {
        ids.enumerated().map { index, id in
            Symbol(id: id, start: Int32(index), end: Int32(index + 1))
        }
    }

    /// Merges by trying all pairs anew each time, which is the definition.
    private func mergedByDefinition(_ ids: [Int32], by rule: some MergeRule) -> [Int32] {
        var list = symbols(ids)
        while true {
            let merges = list.indices.dropLast().map { rule.merge(list[$0], list[$0 + 1]) }
            let best = merges.indices.min { merges[$0].rank < merges[$1].rank }
            guard let best, merges[best].rank != .max else { return list.map(\.id) }
            list[best].id = merges[best].id
            list[best].end = list[best + 1].end
            list.remove(at: best + 1)
        }
    }

    @Test(arguments: UInt64(0)..<40)
    func `short and long pieces merge by the definition`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for count in [0, 1, 2, 3, 39, 40, 41, 42, 150] {
            let ids = (0..<count).map { _ in Int32(generator.next() % 8) }
            let rule = Scrambled(seed: seed)
            var merger = PairMerger()

            merger.symbols = symbols(ids)
            merger.merge(by: rule)

            #expect(merger.symbols.map(\.id) == mergedByDefinition(ids, by: rule))
            #expect(merger.symbols.first?.start ?? 0 == 0)
            #expect(merger.symbols.last?.end ?? 0 == Int32(count))
            #expect(
                zip(merger.symbols, merger.symbols.dropFirst()).allSatisfy { $0.end == $1.start })
        }
    }

    @Test(arguments: [1_000, 30_000, 1_000_000])
    func `the work for one long run is linear`(count: Int) {
        var merger = PairMerger()

        merger.symbols = symbols(Array(repeating: 0, count: count))
        merger.merge(by: Doubling())

        // One look at each pair, then for each of n merges two new pairs and two heap entries.
        #expect(merger.stepCount <= 5 * count)
        #expect(merger.symbols.count < count / 2)
    }
}
