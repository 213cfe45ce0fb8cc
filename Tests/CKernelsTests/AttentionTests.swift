// SPDX-License-Identifier: Apache-2.0

import CKernels
import Foundation
import Testing

/// Attention over pages against the formula in float64.
@Suite struct AttentionTests {
    /// What each query sees: everything, a window that begins inside a page, one tile, itself alone.
    private static let windows = [Int.max, 21, 64, 1]

    @Test(arguments: InstructionSet.available, KVElement.allCases)
    func `outputs are the softmax of the scores times the values`(
        set: InstructionSet, type: KVElement
    ) {
        for window in Self.windows { check(set, type, window: window) }
    }

    private func check(_ set: InstructionSet, _ type: KVElement, window: Int) {
        let sequence = PagedSequence(positionCount: 150, keyDimension: 25, valueDimension: 20, type)
        // Those of a window far into the sequence, and those of all beginnings and ends of tiles.
        let positions =
            window < 64 ? [149, 148, 147, 140] : [149, 148, 100, 64, 63, 17, 16, 15, 1, 0]

        let found = sequence.attend(set, positions: positions, window: window)

        for (query, position) in positions.enumerated() {
            let wanted = sequence.reference(
                query: query, seen: max(0, position - min(window, 1000) + 1)...position)
            #expect(worst(found[query], wanted) < type.tolerance, "position \(position)")
        }
    }

    @Test(arguments: InstructionSet.available, KVElement.allCases)
    func `a query's result is the same bits in any company and from any number of visits`(
        set: InstructionSet, type: KVElement
    ) {
        let sequence = PagedSequence(positionCount: 150, keyDimension: 25, valueDimension: 20, type)
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

    @Test(arguments: InstructionSet.available, KVElement.allCases)
    func `a sink takes weight and gives nothing`(set: InstructionSet, type: KVElement) {
        let sequence = PagedSequence(positionCount: 40, keyDimension: 25, valueDimension: 20, type)
        for sink in [Float(-20), 0.5, 30] {
            let found = sequence.attend(set, positions: [39], window: .max, sink: sink)

            let wanted = sequence.reference(query: 0, seen: 0...39, sink: Double(sink))
            #expect(worst(found[0], wanted) < type.tolerance)
        }
    }

    @Test(arguments: InstructionSet.available, KVElement.allCases)
    func `attention over latents is that over keys whose first values are the values`(
        set: InstructionSet, type: KVElement
    ) {
        for positionCount in [1, 7, 8, 63, 64, 65, 150] {
            checkLatents(set, type, positionCount: positionCount)
        }
    }

    private func checkLatents(_ set: InstructionSet, _ type: KVElement, positionCount: Int) {
        let sequence = PagedSequence(
            positionCount: positionCount, keyDimension: 37, valueDimension: 23, type,
            isLatent: true)

        let found = sequence.attendLatents(set, queryCount: 5)

        for query in 0..<5 {
            let wanted = sequence.reference(query: query, seen: 0...positionCount - 1)
            #expect(worst(found[query], wanted) < type.tolerance)
            let alone = sequence.attendLatents(set, queryCount: 1, firstQuery: query)
            #expect(alone[0] == found[query])
        }
    }

    @Test(arguments: InstructionSet.available, KVElement.allCases)
    func `latents are kept as the type can hold them`(set: InstructionSet, type: KVElement) {
        let sequence = PagedSequence(
            positionCount: 50, keyDimension: 37, valueDimension: 23, type, isLatent: true)

        #expect(sequence.loadLatents(set, from: 13, count: 29) == Array(sequence.keys[13..<42]))
    }

    @Test(arguments: InstructionSet.available, KVElement.allCases)
    func `what the type cannot hold is kept as the nearest finite value`(
        set: InstructionSet, type: KVElement
    ) {
        let sequence = PagedSequence(
            positionCount: 2, keyDimension: 5, valueDimension: 5, type, isLatent: true)

        let latent: [Float] = [.infinity, -.infinity, .nan, 3.4e38, -1]

        let largest = type.largest
        // Beside what is that large, 8 bits do not tell −1 from 0.
        let least: Float = type == .q8 ? 0 : -1
        #expect(
            sequence.keeping(latent, set)
                == [largest, -largest, 0, min(type.rounded(3.4e38), largest), least])
    }

    private func worst(_ found: [Float], _ wanted: [Double]) -> Float {
        guard found.count == wanted.count else { return .infinity }
        return zip(found, wanted).map { pair in
            let error = abs(Float(Double(pair.0) - pair.1))
            return error.isNaN ? .infinity : error
        }.max() ?? 0
    }
}

/// Element types of pages, as the kernels name them.
enum KVElement: CaseIterable {
    case f16
    case bf16
    case f32
    case q8

    /// Whether products are of BF16.
    var computesInBF16: Bool { self == .bf16 || self == .q8 }

    /// float32 sums of up to 200 terms of order 1, and exponentials to 1 ulp. BF16 weights are off by up to
    /// 2⁻⁹ each, and so is their sum: together as much as 2⁻⁸ of the values' distance, which is 4 at most.
    var tolerance: Float { computesInBF16 ? 0x1p-7 : 2e-5 }

    /// Bytes of `count` values of each position of a page, with those that fill pairs up.
    func pageBytes(_ count: Int) -> Int {
        switch self {
        case .f16: 16 * count * 2
        case .bf16: 16 * (count + 1) / 2 * 4
        case .f32: 16 * count * 4
        case .q8: 16 * ((count + 1) / 2 * 2 + (count + 31) / 32 * 2)
        }
    }

    var largest: Float {
        switch self {
        case .f16: 65504
        case .bf16: 0x1.fep127
        case .f32: .greatestFiniteMagnitude
        case .q8: rounded(127 * 65504)
        }
    }

    /// What becomes of the finite values of one position.
    func kept(_ values: [Float]) -> [Float] {
        guard self == .q8 else { return values.map(rounded) }
        return stride(from: 0, to: values.count, by: 32).flatMap { start in
            let block = values[start..<min(start + 32, values.count)]
            let scale = Float(Float16((block.map(abs).max() ?? 0) / 127))
            return block.map { value in
                let steps = (value * (1 / scale)).rounded(.toNearestOrEven)
                return rounded(min(127, max(-127, steps)) * scale)
            }
        }
    }

    /// The nearest value of the type, ties to even.
    func rounded(_ value: Float) -> Float {
        switch self {
        case .f16:
            return Float(Float16(value))
        case .bf16, .q8:
            let step = Double(value).ulp * 0x1p45  // 52 bits of mantissa against 7
            return Float((Double(value) / step).rounded(.toNearestOrEven) * step)
        case .f32:
            return value
        }
    }

    /// A query as it enters the products: only BF16's are rounded.
    func roundedQuery(_ value: Float) -> Float { computesInBF16 ? rounded(value) : value }

    func operations(_ set: InstructionSet) -> apus_kv_operations {
        let vectors = apus_vectors(set.isa).pointee
        switch self {
        case .f16: return vectors.f16
        case .bf16: return vectors.bf16
        case .f32: return vectors.f32
        case .q8: return vectors.q8
        }
    }
}

/// Keys and values of one head, in blocks out of order. Blocks of others hold NaN; what is not written of
/// its own holds finite values of no meaning.
private struct PagedSequence {
    let keys: [[Float]]
    let values: [[Float]]
    private let queries: [[Float]]
    private let type: KVElement
    private let pages: [UInt8]
    private let pageBytes: Int
    private let blockTable: [Int32]
    private static let scale: Float = 0.3
    private static let blockStep = 7

    init(
        positionCount: Int, keyDimension: Int, valueDimension: Int, _ type: KVElement,
        isLatent: Bool = false
    ) {
        var random = SeededGenerator(seed: UInt64(positionCount * 1000 + keyDimension))
        func vector(_ count: Int) -> [Float] {
            (0..<count).map { _ in Float.random(in: -2...2, using: &random) }
        }
        let rawKeys = (0..<positionCount).map { _ in vector(keyDimension) }
        let rawValues = isLatent ? [] : (0..<positionCount).map { _ in vector(valueDimension) }
        keys = rawKeys.map(type.kept)
        values =
            isLatent ? keys.map { Array($0[..<valueDimension]) } : rawValues.map(type.kept)
        queries = (0..<16).map { _ in vector(keyDimension).map(type.roundedQuery) }
        self.type = type
        let stride = isLatent ? 0 : (valueDimension + 15) / 16 * 16
        let pageBytes = type.pageBytes(keyDimension) + type.pageBytes(stride)
        let blockCount = (positionCount + 15) / 16
        // Every seventh of 7n + 1 blocks, last first.
        let poolCount = Self.blockStep * blockCount + 1
        let blockTable = (0..<blockCount).map { Int32(poolCount - 1 - $0 * Self.blockStep) }
        var pages = [UInt8](repeating: 0xff, count: poolCount * pageBytes)
        for block in blockTable.map(Int.init) {
            for index in block * pageBytes..<(block + 1) * pageBytes { pages[index] = 0x42 }
        }
        let operations = type.operations(.scalar)
        blockTable.withUnsafeBufferPointer { table in
            pages.withUnsafeMutableBufferPointer { pages in
                guard let pages = pages.baseAddress, let table = table.baseAddress else { return }
                var view = apus_kv_view(
                    pages: pages, page_stride: pageBytes, block_table: table,
                    key_dimension: keyDimension, value_dimension: valueDimension,
                    scale: Self.scale)
                for position in 0..<positionCount {
                    if isLatent {
                        operations.store_latent(&view, pages, position, rawKeys[position])
                    } else {
                        operations.store(
                            &view, pages, position, rawKeys[position], rawValues[position])
                    }
                }
            }
        }
        self.pages = pages
        self.pageBytes = pageBytes
        self.blockTable = blockTable
    }

    /// A latent as it comes back from a page.
    func keeping(_ latent: [Float], _ set: InstructionSet) -> [Float] {
        var page = [UInt8](repeating: 0, count: pageBytes)
        var found = [Float](repeating: .nan, count: latent.count)
        let operations = type.operations(set)
        page.withUnsafeMutableBufferPointer { page in
            withUnsafePointer(to: Int32(0)) { table in
                guard let page = page.baseAddress else { return }
                var view = apus_kv_view(
                    pages: page, page_stride: pageBytes, block_table: table,
                    key_dimension: latent.count, value_dimension: latent.count, scale: 1)
                operations.store_latent(&view, page, 0, latent)
                operations.load_latents(&view, 0, 1, &found)
            }
        }
        return found
    }

    /// Outputs of consecutive queries, whose windows end at `positions`.
    func attend(
        _ set: InstructionSet, positions: [Int], window: Int, visit: Int? = nil,
        firstQuery: Int = 0, sink: Float = -.infinity
    ) -> [[Float]] {
        let operations = type.operations(set)
        let dimension = values[0].count
        var outputs = [Float](repeating: .nan, count: positions.count * dimension)
        var scratch = [Float](
            repeating: .nan, count: apus_attention_scratch(keys[0].count, dimension))
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
                        operations.attend(
                            &view, &states, positions.count, start,
                            min(end, start + (visit ?? end)), &scratch)
                    }
                    for index in states.indices {
                        apus_vectors(set.isa).pointee.finish_attention(
                            &states[index], dimension, sink)
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
        let operations = type.operations(set)
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
                    operations.attend_latent(
                        &view, queries, queryCount, keys.count - 1, results, &scratch)
                }
            }
        }
        return (0..<queryCount).map { Array(outputs[$0 * dimension..<($0 + 1) * dimension]) }
    }

    func loadLatents(_ set: InstructionSet, from start: Int, count: Int) -> [[Float]] {
        var latents = [Float](repeating: .nan, count: count * keys[0].count)
        withView { view in
            type.operations(set).load_latents(&view, start, count, &latents)
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
        pages.withUnsafeBufferPointer { pages in
            held.withUnsafeBufferPointer { table in
                guard let pages = pages.baseAddress, let table = table.baseAddress else { return }
                var view = apus_kv_view(
                    pages: pages, page_stride: pageBytes, block_table: table,
                    key_dimension: keys[0].count, value_dimension: values[0].count,
                    scale: Self.scale)
                body(&view)
            }
        }
    }
}
