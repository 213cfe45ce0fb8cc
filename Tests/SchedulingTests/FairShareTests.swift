// SPDX-License-Identifier: Apache-2.0

import Scheduling
import Testing

/// Who is seated next: owners by what they were served, an owner's requests by priority and arrival.
@Suite struct FairShareTests {
    private func makeScheduler(seats: Int = 1, waiting: Int = 400) throws -> SteppedScheduler {
        try SteppedScheduler(
            seats: seats, waiting: waiting, step: 64, length: 4000, blocks: 4000, blockLength: 4,
            keepsPrefixes: false)
    }

    private func tokens(_ id: UInt64, _ count: Int) -> [Int32] {
        (0..<count).map { Int32(id) * 100 + Int32($0) }
    }

    /// Steps until all is done; the ids in the order in which their prompts were computed.
    private func order(_ stepped: inout SteppedScheduler) throws -> [UInt64] {
        var seen: [UInt64] = []
        repeat {
            for rows in try stepped.step() where rows.positions.lowerBound == 0 {
                seen.append(rows.id)
            }
        } while !stepped.plan.entries.isEmpty
        return seen
    }

    @Test func `a hundred requests of one key do not hold up another key's`() throws {
        var stepped = try makeScheduler()
        for id in 0..<100 as Range<UInt64> {
            try stepped.enqueue(id, tokens: tokens(id, 20), new: 5, namespace: .init(owner: "many"))
        }
        try stepped.step()
        for id in 1000..<1003 as Range<UInt64> {
            try stepped.enqueue(id, tokens: tokens(id, 20), new: 5, namespace: .init(owner: "few"))
        }

        let order = try order(&stepped)

        // One of each in turn, though the others have waited longer.
        #expect(order.prefix(6).filter { $0 >= 1000 } == [1000, 1001, 1002])
        #expect(order.count == 102)
    }

    @Test func `shares follow the weights`() throws {
        var stepped = try makeScheduler()
        let weights: [(owner: String, weight: Int)] = [("a", 1), ("b", 2), ("c", 3)]
        for (number, (owner, weight)) in weights.enumerated() {
            for index in 0..<90 as Range<UInt64> {
                let id = UInt64(number) * 1000 + index
                try stepped.enqueue(
                    id, tokens: tokens(id, 10), new: 5, namespace: .init(owner: owner),
                    weight: weight)
            }
        }

        let first = try order(&stepped).prefix(90)

        for (number, (_, weight)) in weights.enumerated() {
            let served = first.count { $0 / 1000 == UInt64(number) }
            #expect(abs(served - 15 * weight) <= 1)
        }
    }

    @Test func `long requests count for more than short ones`() throws {
        var stepped = try makeScheduler()
        for index in 0..<60 as Range<UInt64> {
            try stepped.enqueue(
                index, tokens: tokens(index, 50), new: 10, namespace: .init(owner: "long"))
            try stepped.enqueue(
                1000 + index, tokens: tokens(1000 + index, 5), new: 1,
                namespace: .init(owner: "short"))
        }

        let first = try order(&stepped).prefix(44)

        // 60 tokens against 6.
        #expect(abs(first.count { $0 < 1000 } - 4) <= 1)
    }

    @Test func `time without requests earns nothing`() throws {
        var stepped = try makeScheduler()
        for id in 0..<20 as Range<UInt64> {
            try stepped.enqueue(id, tokens: tokens(id, 20), new: 5, namespace: .init(owner: "a"))
        }
        for _ in 0..<60 { try stepped.step() }
        for id in 1000..<1010 as Range<UInt64> {
            try stepped.enqueue(id, tokens: tokens(id, 20), new: 5, namespace: .init(owner: "b"))
        }

        let next = try order(&stepped).prefix(8)

        #expect(abs(next.count { $0 >= 1000 } - 4) <= 1)
    }

    @Test func `priorities order the requests of one key only`() throws {
        var stepped = try makeScheduler()
        let wanted: [(id: UInt64, owner: String, priority: Int)] = [
            (1, "a", 0), (2, "a", 5), (3, "a", -1), (4, "a", 0), (11, "b", 9), (12, "b", 9),
        ]
        for (id, owner, priority) in wanted {
            try stepped.enqueue(
                id, tokens: tokens(id, 10), new: 2, namespace: .init(owner: owner),
                priority: priority)
        }

        let order = try order(&stepped)

        #expect(order.filter { $0 < 10 } == [3, 1, 4, 2])
        #expect(order.prefix(4).filter { $0 > 10 } == [11, 12])
    }

    @Test func `a key that fills the queue leaves others their share of it`() throws {
        var stepped = try makeScheduler(waiting: 8)
        for id in 0..<8 as Range<UInt64> {
            try stepped.enqueue(id, tokens: tokens(id, 4), new: 1, namespace: .init(owner: "a"))
        }
        #expect(throws: AdmissionError.self) {
            try stepped.enqueue(9, tokens: tokens(9, 4), new: 1, namespace: .init(owner: "a"))
        }

        for id in 10..<14 as Range<UInt64> {
            try stepped.enqueue(id, tokens: tokens(id, 4), new: 1, namespace: .init(owner: "b"))
        }

        #expect(throws: AdmissionError.self) {
            try stepped.enqueue(15, tokens: tokens(15, 4), new: 1, namespace: .init(owner: "b"))
        }
    }

    @Test func `a rate tells when a queue will be served`() {
        var rate = SeatingRate()
        #expect(rate.seconds(untilServed: 5) == nil)
        #expect(rate.count(servedWithin: 5) == nil)

        for _ in 0..<100 { rate.record(1, seconds: 0.5) }
        #expect(rate.seconds(untilServed: 20) == 10)
        #expect(rate.seconds(untilServed: 0) == 1)
        #expect((9...10).contains(rate.count(servedWithin: 5) ?? 0))
        #expect(rate.count(servedWithin: .infinity) == Int(Int32.max))
        #expect(rate.seconds(untilServed: 1_000_000) == 600)

        // Half a minute at a tenth of the speed counts for more than what was before.
        for _ in 0..<100 { rate.record(1, seconds: 5) }
        #expect((95...100).contains(rate.seconds(untilServed: 20) ?? 0))
    }
}
