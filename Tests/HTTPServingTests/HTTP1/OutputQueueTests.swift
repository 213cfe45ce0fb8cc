// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPServing

struct OutputQueueTests {
    @Test(arguments: [1, 2, 3, 4])
    func `bytes come out in order, whatever the sizes written and sent`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = OutputQueue()
        var written: [UInt8] = []
        var sent: [UInt8] = []

        for _ in 0..<2000 {
            let count = [0, 1, 40, 16_383, 16_384, 50_000].randomElement(using: &random) ?? 0
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &+ written.count) }
            if Bool.random(using: &random) {
                queue.append(bytes)
            } else {
                queue.appendToTail { $0 += bytes }
            }
            written += bytes
            while !queue.isEmpty, Int.random(in: 0..<3, using: &random) > 0 {
                let taken = queue.withFirstBytes { first, second in
                    let all = Array(first) + Array(second)
                    return Array(all.prefix(Int.random(in: 1...all.count, using: &random)))
                }
                sent += taken
                queue.removeFirst(taken.count)
            }
            #expect(queue.byteCount == written.count - sent.count)
        }
        while !queue.isEmpty {
            let taken = queue.withFirstBytes { first, second in Array(first) + Array(second) }
            sent += taken
            queue.removeFirst(taken.count)
        }

        #expect(sent == written)
    }
}

/// A small generator with a seed, so that a failure can be repeated (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
