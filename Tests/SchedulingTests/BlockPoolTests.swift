// SPDX-License-Identifier: Apache-2.0

import Scheduling
import Testing

@Suite struct BlockPoolTests {
    @Test func `hands out each block once and then nothing`() throws {
        var pool = BlockPool(blockCount: 3)

        let blocks = (0..<3).compactMap { _ in pool.allocate() }

        #expect(Set(blocks).count == 3)
        #expect(pool.allocate() == nil)
        #expect(pool.freeBlockCount == 0)
        try pool.checkInvariants()
    }

    @Test func `a shared block is free only after its last owner`() throws {
        var pool = BlockPool(blockCount: 2)
        let allocated = pool.allocate()
        let block = try #require(allocated)
        pool.retain(block)

        pool.release(block)
        #expect(pool.referenceCount(of: block) == 1)
        #expect(pool.freeBlockCount == 1)

        pool.release(block)
        #expect(pool.referenceCount(of: block) == 0)
        #expect(pool.freeBlockCount == 2)
        try pool.checkInvariants()
    }

    @Test(arguments: 0..<UInt64(8))
    func `any order of allocating and releasing keeps the counts`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var pool = BlockPool(blockCount: 12)
        var owned: [KVBlockID] = []

        for _ in 0..<1_000 {
            if Bool.random(using: &random) {
                if let block = pool.allocate() {
                    owned.append(block)
                }
            } else if let index = owned.indices.randomElement(using: &random) {
                if random.happens(oneIn: 3) {
                    pool.retain(owned[index])
                    owned.append(owned[index])
                } else {
                    pool.release(owned.remove(at: index))
                }
            }
            try pool.checkInvariants()
            #expect(pool.freeBlockCount == 12 - Set(owned).count)
        }
        for block in owned {
            let ownerCount = owned.filter { $0 == block }.count
            #expect(pool.referenceCount(of: block) == ownerCount)
        }
    }
}
