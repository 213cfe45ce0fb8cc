// SPDX-License-Identifier: Apache-2.0

import DequeModule

/// Requests that wait for their first seat, so that owners get equal shares of what is computed, by their
/// weights.
///
/// Each owner has a counter of the tokens served to it, divided by its weight; the one with the lowest is next
/// (virtual token counters: Sheng et al., Fairness in Serving Large Language Models, OSDI 2024). One that comes
/// back begins where the others are: time without requests earns nothing. Within an owner the lower priority
/// value is first, then the earlier arrival.
struct FairQueue: Sendable {
    private struct Entry: Sendable {
        var sequence: ScheduledSequence
        let arrival: UInt64
    }

    private struct Share: Sendable {
        var weight = 1
        /// Tokens served, times the unit, by weight.
        var counter = 0
        var entries: Deque<Entry> = []
        /// Sequences that wait, forks among them.
        var sequenceCount = 0
        var tokenCount = 0
    }

    private var shares: [String?: Share] = [:]
    private var nextArrival: UInt64 = 0
    /// The counter of the owner that was served last, when it was.
    private var now = 0
    /// Requests that wait.
    private(set) var count = 0

    /// What a token counts with weight 1; weights divide it.
    private static let unit = 1 << 20
    /// Owners whose counters are remembered though they have nothing waiting.
    private static let maxIdleShareCount = 1024

    /// Owners with something waiting.
    var ownerCount: Int { shares.values.count { !$0.entries.isEmpty } }

    /// Sequences and tokens of one owner.
    func load(of owner: String?) -> (sequenceCount: Int, tokenCount: Int) {
        shares[owner].map { ($0.sequenceCount, $0.tokenCount) } ?? (0, 0)
    }

    /// All that wait, in no order of interest.
    var all: [ScheduledSequence] { shares.values.flatMap { $0.entries.map(\.sequence) } }

    mutating func append(_ sequence: ScheduledSequence, weight: Int) {
        let owner = sequence.namespace.owner
        if shares[owner] == nil, shares.count >= Self.maxIdleShareCount { dropIdleShares() }
        var share = shares.removeValue(forKey: owner) ?? Share()
        if share.entries.isEmpty { share.counter = max(share.counter, now) }
        share.weight = weight
        var place = share.entries.endIndex
        while place > 0, share.entries[place - 1].sequence.priority > sequence.priority {
            place -= 1
        }
        share.sequenceCount += 1 + sequence.forks.count
        share.tokenCount += sequence.tokenCount
        share.entries.insert(Entry(sequence: sequence, arrival: nextArrival), at: place)
        shares[owner] = share
        nextArrival += 1
        count += 1
    }

    /// The owner that is next.
    private var nextOwner: String?? {
        shares.lazy.filter { !$0.value.entries.isEmpty }.min {
            ($0.value.counter, $0.value.entries[0].arrival)
                < ($1.value.counter, $1.value.entries[0].arrival)
        }?.key
    }

    /// The request that is next.
    var first: ScheduledSequence? {
        nextOwner.flatMap { shares[$0]?.entries.first?.sequence }
    }

    mutating func popFirst() -> ScheduledSequence? {
        guard let owner = nextOwner, let counter = shares[owner]?.counter else { return nil }
        now = max(now, counter)
        return remove(at: 0, of: owner)
    }

    /// Counts tokens that were computed or generated for an owner.
    mutating func charge(_ owner: String?, tokenCount: Int) {
        guard let weight = shares[owner]?.weight else { return }
        shares[owner]?.counter += tokenCount * Self.unit / weight
    }

    /// Takes a request off; where forks wait for its prompt, the first of them takes its place.
    ///
    /// - Returns: the sequence and whether a fork goes on; nil where no such request waits.
    mutating func remove(_ id: SequenceID) -> (sequence: ScheduledSequence, goesOn: Bool)? {
        guard let (owner, place) = place(where: { $0.id == id }),
            let sequence = shares[owner]?.entries[place].sequence
        else { return nil }
        if shares[owner]?.entries[place].sequence.leaveToFork() == true {
            shares[owner]?.sequenceCount -= 1
            return (sequence, true)
        }
        _ = remove(at: place, of: owner)
        return (sequence, false)
    }

    /// Takes a fork off the request that it waits with; false where none has it.
    mutating func removeFork(_ id: SequenceID) -> Bool {
        guard let (owner, place) = place(where: { $0.forks.contains(id) }) else { return false }
        shares[owner]?.entries[place].sequence.forks.removeAll { $0 == id }
        shares[owner]?.sequenceCount -= 1
        return true
    }

    /// Where a request waits. Found before anything is changed, so that nothing is copied to be changed.
    private func place(
        where predicate: (ScheduledSequence) -> Bool
    ) -> (owner: String?, index: Int)? {
        for (owner, share) in shares {
            if let index = share.entries.firstIndex(where: { predicate($0.sequence) }) {
                return (owner, index)
            }
        }
        return nil
    }

    /// The phase is waiting for all of these: those that wait, and their forks.
    func contains(_ id: SequenceID) -> Bool {
        shares.values.contains {
            $0.entries.contains { $0.sequence.id == id || $0.sequence.forks.contains(id) }
        }
    }

    private mutating func remove(at place: Int, of owner: String?) -> ScheduledSequence? {
        guard let sequence = shares[owner]?.entries.remove(at: place).sequence else { return nil }
        shares[owner]?.sequenceCount -= 1 + sequence.forks.count
        shares[owner]?.tokenCount -= sequence.tokenCount
        count -= 1
        return sequence
    }

    /// Forgets owners that would begin where the others are anyway.
    private mutating func dropIdleShares() {
        shares = shares.filter { !$0.value.entries.isEmpty || $0.value.counter > now }
    }

    /// Checks counts and the order within each owner.
    ///
    /// - Throws: `InvariantViolation` for the first that is wrong.
    func checkInvariants() throws(InvariantViolation) {
        let found = shares.values.reduce(0) { $0 + $1.entries.count }
        try InvariantViolation.unless(
            found == count, "\(found) requests wait, counted are \(count)")
        for share in shares.values {
            let sequences = share.entries.map(\.sequence)
            let sequenceCount = sequences.reduce(0) { $0 + 1 + $1.forks.count }
            let tokenCount = sequences.reduce(0) { $0 + $1.tokenCount }
            try InvariantViolation.unless(
                sequenceCount == share.sequenceCount && tokenCount == share.tokenCount,
                "an owner's \(sequenceCount) sequences with \(tokenCount) tokens are counted as "
                    + "\(share.sequenceCount) with \(share.tokenCount)")
            let places = share.entries.map { ($0.sequence.priority, $0.arrival) }
            try InvariantViolation.unless(
                zip(places, places.dropFirst()).allSatisfy { $0 < $1 }, "an owner's order is broken"
            )
        }
    }
}
