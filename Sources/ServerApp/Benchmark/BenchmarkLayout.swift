// SPDX-License-Identifier: Apache-2.0

internal import Decoding

/// Which KV blocks belong to which sequence of a benchmark.
struct BenchmarkLayout {
    /// By sequence; its tables of all groups of layers, one behind the other.
    let blocks: [Range<Int32>]

    var sequenceCount: Int { blocks.count }
    var blockCount: Int { Int(blocks.last?.upperBound ?? 0) }

    /// Gives every sequence the blocks of the most positions that a test takes it to.
    init(_ tests: [BenchmarkTest], groupCount: Int) throws(ModelError) {
        var blocks: [Range<Int32>] = []
        var end = 0
        for sequence in 0..<(tests.map(\.batchCount).max() ?? 0) {
            let positionCount =
                tests.filter { $0.batchCount > sequence }.map(\.positionCount).max() ?? 0
            let start = end
            end += (positionCount + 15) / 16 * groupCount
            guard let first = Int32(exactly: start), let last = Int32(exactly: end) else {
                throw .outOfResources("\(end) KV blocks")
            }
            blocks.append(first..<last)
        }
        self.blocks = blocks
    }
}
