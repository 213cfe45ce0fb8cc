// SPDX-License-Identifier: Apache-2.0

import CKernels
import Foundation
import Testing

/// Attention over pages against the formula in float64.
@Suite struct AttentionTests {
    /// float32 sums of up to 200 terms of order 1, and exponentials to 1 ulp.
    private static let tolerance: Float = 2e-5

    /// What each query sees: everything, a window that begins inside a page, one tile, itself alone.
    private static let windows = [Int.max, 21, 64, 1]

    @Test(arguments: InstructionSet.available, windows)
    func `outputs are the softmax of the scores times the values`(
        set: InstructionSet, window: Int
    ) {
        let sequence = PagedSequence(positionCount: 150, keyDimension: 24, valueDimension: 20)
        // Those of a window far into the sequence, and those of all beginnings and ends of tiles.
        let positions =
            window < 64 ? [149, 148, 147, 140] : [149, 148, 100, 64, 63, 17, 16, 15, 1, 0]

        let found = sequence.attend(set, positions: positions, window: window)

        for (query, position) in positions.enumerated() {
            let wanted = sequence.reference(
                query: query, seen: max(0, position - min(window, 1000) + 1)...position)
            #expect(worst(found[query], wanted) < Self.tolerance, "position \(position)")
        }
    }

    @Test(arguments: InstructionSet.available)
    func `a query's result is the same bits in any company and from any number of visits`(
        set: InstructionSet
    ) {
        let sequence = PagedSequence(positionCount: 150, keyDimension: 24, valueDimension: 20)
        let positions = [149, 148, 100, 64, 63, 17]

        let together = sequence.attend(set, positions: positions, window: 70)
        let inVisits = sequence.attend(set, positions: positions, window: 70, visit: 64)

        #expect(inVisits == together)
        for query in positions.indices {
            let alone = sequence.attend(
                set, positions: [positions[query]], window: 70, firstQuery: query)
            #expect(alone[0] == together[query])
        }
    }

    @Test(arguments: InstructionSet.available)
    func `a sink takes weight and gives nothing`(set: InstructionSet) {
        let sequence = PagedSequence(positionCount: 40, keyDimension: 24, valueDimension: 20)
        for sink in [Float(-20), 0.5, 30] {
            let found = sequence.attend(set, positions: [39], window: .max, sink: sink)

            let wanted = sequence.reference(query: 0, seen: 0...39, sink: Double(sink))
            #expect(worst(found[0], wanted) < Self.tolerance)
        }
    }

    @Test(arguments: InstructionSet.available, [1, 7, 8, 63, 64, 65, 150])
    func `attention over latents is that over keys whose first values are the values`(
        set: InstructionSet, positionCount: Int
    ) {
        let sequence = PagedSequence(
            positionCount: positionCount, keyDimension: 37, valueDimension: 23, isLatent: true)

        let found = sequence.attendLatents(set, queryCount: 5)

        for query in 0..<5 {
            let wanted = sequence.reference(query: query, seen: 0...positionCount - 1)
            #expect(worst(found[query], wanted) < Self.tolerance)
            let alone = sequence.attendLatents(set, queryCount: 1, firstQuery: query)
            #expect(alone[0] == found[query])
        }
    }

    @Test(arguments: InstructionSet.available)
    func `latents are kept as they are`(set: InstructionSet) {
        let sequence = PagedSequence(
            positionCount: 50, keyDimension: 37, valueDimension: 23, isLatent: true)

        #expect(sequence.loadLatents(set, from: 13, count: 29) == Array(sequence.keys[13..<42]))
    }

    private func worst(_ found: [Float], _ wanted: [Double]) -> Float {
        guard found.count == wanted.count else { return .infinity }
        return zip(found, wanted).map { pair in
            let error = abs(Float(Double(pair.0) - pair.1))
            return error.isNaN ? .infinity : error
        }.max() ?? 0
    }
}

/// Keys and values of one head in float32 pages, in blocks out of order; blocks of others hold NaN.
private struct PagedSequence {
    let keys: [[Float]]
    let values: [[Float]]
    private let queries: [[Float]]
    private let isLatent: Bool
    private let pages: [Float]
    private let pageLength: Int
    private let blockTable: [Int32]
    private static let scale: Float = 0.3
    private static let blockStep = 7

    init(positionCount: Int, keyDimension: Int, valueDimension: Int, isLatent: Bool = false) {
        var random = SeededGenerator(seed: UInt64(positionCount * 1000 + keyDimension))
        func vector(_ count: Int) -> [Float] {
            (0..<count).map { _ in Float.random(in: -2...2, using: &random) }
        }
        let keys = (0..<positionCount).map { _ in vector(keyDimension) }
        values =
            isLatent
            ? keys.map { Array($0[..<valueDimension]) }
            : (0..<positionCount).map { _ in vector(valueDimension) }
        queries = (0..<16).map { _ in vector(keyDimension) }
        self.keys = keys
        self.isLatent = isLatent
        let stride = (valueDimension + 15) / 16 * 16
        pageLength = 16 * (isLatent ? keyDimension : keyDimension + stride)
        let blockCount = (positionCount + 15) / 16
        // Every seventh of 7n + 1 blocks, last first.
        let poolCount = Self.blockStep * blockCount + 1
        blockTable = (0..<blockCount).map { Int32(poolCount - 1 - $0 * Self.blockStep) }
        var pages = [Float](repeating: .nan, count: poolCount * pageLength)
        for position in 0..<positionCount {
            let start = Int(blockTable[position / 16]) * pageLength
            let slot = position % 16
            for (index, value) in keys[position].enumerated() {
                pages[start + (isLatent ? slot * keyDimension + index : index * 16 + slot)] = value
            }
            guard !isLatent else { continue }
            for index in 0..<stride {
                pages[start + 16 * keyDimension + slot * stride + index] =
                    index < valueDimension ? values[position][index] : 0
            }
        }
        self.pages = pages
    }

    /// Outputs of consecutive queries, whose windows end at `positions`.
    func attend(
        _ set: InstructionSet, positions: [Int], window: Int, visit: Int? = nil,
        firstQuery: Int = 0, sink: Float = -.infinity
    ) -> [[Float]] {
        let operations = apus_vectors(set.isa).pointee
        let dimension = values[0].count
        var outputs = [Float](repeating: .nan, count: positions.count * dimension)
        var scratch = [Float](repeating: .nan, count: apus_attention_scratch(dimension))
        let flat = queries.flatMap { $0 }
        // Pages before all windows are given back: block 0 is someone else's.
        let firstSeen = positions.map { max(0, $0 - min(window, 1000) + 1) }.min() ?? 0
        withView(releasingBefore: firstSeen / 16) { view in
            flat.withUnsafeBufferPointer { flat in
                outputs.withUnsafeMutableBufferPointer { outputs in
                    guard let vectors = flat.baseAddress, let base = outputs.baseAddress else {
                        return
                    }
                    var states = positions.enumerated().map { index, position in
                        apus_attention_query(
                            vector: vectors + (firstQuery + index) * keys[0].count,
                            output: base + index * dimension,
                            first_position: Int32(max(0, position - min(window, 1000) + 1)),
                            last_position: Int32(position), maximum: -.infinity, sum: 0)
                    }
                    let end = keys.count
                    for start in stride(from: 0, to: end, by: visit ?? end) {
                        operations.attend_f32(
                            &view, &states, positions.count, start,
                            min(end, start + (visit ?? end)), &scratch)
                    }
                    for index in states.indices {
                        operations.finish_attention(&states[index], dimension, sink)
                    }
                }
            }
        }
        return positions.indices.map {
            Array(outputs[$0 * dimension..<($0 + 1) * dimension])
        }
    }

    func attendLatents(
        _ set: InstructionSet, queryCount: Int, firstQuery: Int = 0
    ) -> [[Float]] {
        let operations = apus_vectors(set.isa).pointee
        let dimension = values[0].count
        var outputs = [Float](repeating: .nan, count: queryCount * dimension)
        var scratch = [Float](
            repeating: .nan, count: apus_latent_scratch(keys[0].count, dimension))
        let flat = queries.flatMap { $0 }
        withView { view in
            flat.withUnsafeBufferPointer { flat in
                outputs.withUnsafeMutableBufferPointer { outputs in
                    guard let vectors = flat.baseAddress, let base = outputs.baseAddress else {
                        return
                    }
                    let queries = (0..<queryCount).map {
                        vectors + (firstQuery + $0) * keys[0].count
                    }
                    let results = (0..<queryCount).map { base + $0 * dimension }
                    operations.attend_latent_f32(
                        &view, queries, queryCount, keys.count - 1, results, &scratch)
                }
            }
        }
        return (0..<queryCount).map { Array(outputs[$0 * dimension..<($0 + 1) * dimension]) }
    }

    func loadLatents(_ set: InstructionSet, from start: Int, count: Int) -> [[Float]] {
        var latents = [Float](repeating: .nan, count: count * keys[0].count)
        withView { view in
            apus_vectors(set.isa).pointee.load_latents_f32(&view, start, count, &latents)
        }
        return (0..<count).map {
            Array(latents[$0 * keys[0].count..<($0 + 1) * keys[0].count])
        }
    }

    /// The formula, in float64.
    func reference(query: Int, seen: ClosedRange<Int>, sink: Double? = nil) -> [Double] {
        let scores = seen.map { position in
            Double(Self.scale)
                * zip(queries[query], keys[position]).reduce(0) {
                    $0 + Double($1.0) * Double($1.1)
                }
        }
        let largest = (scores + (sink.map { [$0] } ?? [])).max() ?? 0
        let weights = scores.map { exp($0 - largest) }
        let total = weights.reduce(0, +) + (sink.map { exp($0 - largest) } ?? 0)
        return values[0].indices.map { index in
            zip(weights, seen).reduce(0) { $0 + $1.0 * Double(values[$1.1][index]) } / total
        }
    }

    private func withView(
        releasingBefore page: Int = 0, _ body: (inout apus_kv_view) -> Void
    ) {
        let held = Array(repeating: 0, count: page) + blockTable.dropFirst(page)
        pages.withUnsafeBytes { pages in
            held.withUnsafeBufferPointer { table in
                guard let pages = pages.bindMemory(to: UInt8.self).baseAddress,
                    let table = table.baseAddress
                else { return }
                var view = apus_kv_view(
                    pages: pages, page_stride: pageLength * 4, block_table: table,
                    key_dimension: keys[0].count, value_dimension: values[0].count,
                    scale: Self.scale)
                body(&view)
            }
        }
    }
}
