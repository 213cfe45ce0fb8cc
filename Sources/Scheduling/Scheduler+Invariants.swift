// SPDX-License-Identifier: Apache-2.0

import DequeModule

extension Scheduler {
    /// Checks the bookkeeping as it must be after every call; for tests, since it takes a while.
    ///
    /// - Throws: `InvariantViolation` for the first promise found broken.
    package func checkInvariants() throws(InvariantViolation) {
        try tables.pool.checkInvariants()
        try checkOwnership()
        try checkSeats()
        try checkRunning()
        try checkWaiting()
    }

    private func checkOwnership() throws(InvariantViolation) {
        var ownerCounts = ContiguousArray(repeating: 0, count: tables.pool.blockCount)
        for sequence in running {
            for group in 0..<tables.groupCount {
                for block in heldBlocks(seat: sequence.seat, group: group) {
                    ownerCounts[Int(block)] += 1
                }
            }
        }
        for (index, count) in ownerCounts.enumerated() {
            let stated = tables.pool.referenceCount(of: KVBlockID(Int32(index)))
            try InvariantViolation.unless(
                count == stated, "block \(index) is in \(count) block tables, counts \(stated)")
        }
    }

    private func checkSeats() throws(InvariantViolation) {
        let seats = Set(running.map(\.seat)).union(freeSeats)
        try InvariantViolation.unless(
            seats.count == limits.maxRunningSequenceCount
                && running.count + freeSeats.count == limits.maxRunningSequenceCount,
            "\(running.count) running and \(freeSeats.count) free, \(seats.count) different seats")
        for seat in freeSeats {
            let count = tables.blockCount(ofSeat: seat)
            try InvariantViolation.unless(count == 0, "the free seat \(seat) holds \(count) blocks")
        }
    }

    private func checkRunning() throws(InvariantViolation) {
        for sequence in running {
            let name = "running sequence \(sequence.id.rawValue)"
            try InvariantViolation.unless(
                sequence.phase == .prefilling || sequence.phase == .decoding,
                "\(name) is \(sequence.phase)")
            try InvariantViolation.unless(
                sequence.pendingTokenCount > 0 && sequence.remainingTokenCount >= 0,
                "\(name) has \(sequence.pendingTokenCount) tokens pending and "
                    + "\(sequence.remainingTokenCount) remaining")
            for group in 0..<tables.groupCount {
                try checkNeeded(
                    at: sequence.computedTokenCount, seat: sequence.seat, group: group, name)
                try checkWritable(
                    from: sequence.computedTokenCount, seat: sequence.seat, group: group, name)
            }
            try checkPrefix(of: sequence, name)
        }
    }

    /// What the next position needs of the computed ones is held.
    private func checkNeeded(
        at position: Int, seat: Int, group: Int, _ name: String
    ) throws(InvariantViolation) {
        let first = limits.kvSpans[group].firstPosition(for: position)
        let needed =
            first / limits.kvBlockLength..<limits.blockCount(forPositionCount: position)
        let held = tables.held(ofSeat: seat, group: group)
        try InvariantViolation.unless(
            needed.clamped(to: held) == needed,
            "\(name) holds blocks \(held) of \(needed) in group \(group)")
    }

    /// What will be written next must belong to this sequence alone, but for the block that a fork began in:
    /// that is copied when the next step is planned.
    private func checkWritable(
        from position: Int, seat: Int, group: Int, _ name: String
    ) throws(InvariantViolation) {
        let held = tables.held(ofSeat: seat, group: group)
        let table = tables.table(ofSeat: seat, group: group, count: held.upperBound)
        let first = (position + limits.kvBlockLength - 1) / limits.kvBlockLength
        for block in table.dropFirst(max(held.lowerBound, first)) {
            let count = tables.pool.referenceCount(of: KVBlockID(block))
            try InvariantViolation.unless(
                count == 1, "\(name) would write block \(block), which \(count) hold")
        }
    }

    /// All full blocks of a running sequence are found by their content.
    private func checkPrefix(
        of sequence: ScheduledSequence, _ name: String
    ) throws(InvariantViolation) {
        guard limits.reusesPrefixes else { return }
        var last: KVBlockID?
        for index in 0..<sequence.computedTokenCount / limits.kvBlockLength {
            let block = tables.block(ofSeat: sequence.seat, group: 0, index: index)
            let found = tables.pool.block(
                for: prefixKey(of: sequence, index: index, after: last))
            try InvariantViolation.unless(
                found == block,
                "\(name) holds \(block.index) at \(index), found is \(found?.index ?? -1)")
            last = block
        }
    }

    private func heldBlocks(seat: Int, group: Int) -> ContiguousArray<Int32>.SubSequence {
        let held = tables.held(ofSeat: seat, group: group)
        return tables.table(ofSeat: seat, group: group, count: held.upperBound)
            .dropFirst(held.lowerBound)
    }

    private func checkWaiting() throws(InvariantViolation) {
        try waiting.checkInvariants()
        for sequence in waiting.all + Array(returning) {
            try InvariantViolation.unless(
                sequence.phase == .waiting && sequence.computedTokenCount == 0,
                "waiting sequence \(sequence.id.rawValue) is \(sequence.phase) and has "
                    + "\(sequence.computedTokenCount) positions computed")
        }
        let queued = waiting.all + Array(returning)
        let tokenCount = queued.reduce(0) { $0 + $1.tokenCount }
        try InvariantViolation.unless(
            tokenCount == waitingTokenCount,
            "\(tokenCount) tokens wait, counted are \(waitingTokenCount)")
        let forkCount = (queued + Array(running)).reduce(0) { $0 + $1.forks.count }
        try InvariantViolation.unless(
            forkCount == pendingForkCount,
            "\(forkCount) forks wait, counted are \(pendingForkCount)")
    }
}
