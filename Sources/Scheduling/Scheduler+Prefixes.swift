// SPDX-License-Identifier: Apache-2.0

extension Scheduler {
    /// The blocks that hold the sequence's first positions, as far as they are at hand and need not be
    /// computed again.
    func cachedPrefix(of sequence: ScheduledSequence) -> [KVBlockID] {
        guard limits.reusesPrefixes else { return [] }
        var blocks: [KVBlockID] = []
        while let block = cachedBlock(of: sequence, index: blocks.count, after: blocks.last) {
            blocks.append(block)
        }
        return blocks
    }

    /// Lets a prefilling sequence go on behind positions that others have computed since.
    mutating func skipCachedPositions(ofRunning index: Int) {
        let length = limits.kvBlockLength
        while limits.reusesPrefixes, running[index].computedTokenCount % length == 0 {
            let place = running[index].computedTokenCount / length
            guard
                let block = cachedBlock(
                    of: running[index], index: place,
                    after: lastBlock(ofSeat: running[index].seat, before: place))
            else { return }
            tables.place(block, seat: running[index].seat, index: place)
            running[index].skip(toPosition: (place + 1) * length)
        }
    }

    /// Makes the blocks that a step has filled findable. Where another sequence was first with the same
    /// content, its block is held instead, so that whoever holds a block holds those before it.
    mutating func rememberBlocks(ofRunning index: Int, from start: Int) {
        guard limits.reusesPrefixes else { return }
        let length = limits.kvBlockLength
        let sequence = running[index]
        let end = sequence.computedTokenCount / length
        for place in start / length..<max(start / length, end) {
            let key = prefixKey(
                of: sequence, index: place, after: lastBlock(ofSeat: sequence.seat, before: place))
            let own = tables.block(ofSeat: sequence.seat, group: 0, index: place)
            if let first = tables.pool.block(for: key) {
                if first != own { tables.place(first, seat: sequence.seat, index: place) }
            } else {
                tables.pool.remember(own, as: key)
            }
        }
    }

    /// Whether the next block of a prefilling sequence is one that this other computes in the same step, so
    /// that to wait for it is less work than to compute it.
    func sharesNextBlock(running index: Int, with other: Int) -> Bool {
        let sequence = running[index]
        let end = sequence.computedTokenCount + limits.kvBlockLength
        guard limits.reusesPrefixes,
            sequence.computedTokenCount % limits.kvBlockLength == 0,
            running[other].computedTokenCount == sequence.computedTokenCount,
            end <= sequence.reusablePositionCount, end <= running[other].tokenCount
        else { return false }
        return nextKey(ofRunning: index) == nextKey(ofRunning: other)
    }

    private func nextKey(ofRunning index: Int) -> PrefixKey {
        let place = running[index].computedTokenCount / limits.kvBlockLength
        return prefixKey(
            of: running[index], index: place,
            after: lastBlock(ofSeat: running[index].seat, before: place))
    }

    func prefixKey(
        of sequence: ScheduledSequence, index: Int, after last: KVBlockID?
    ) -> PrefixKey {
        let positions = index * limits.kvBlockLength..<(index + 1) * limits.kvBlockLength
        return PrefixKey(
            parent: last.map(PrefixKey.Parent.block) ?? .root(sequence.namespace),
            tokens: Array(sequence.tokens[positions]),
            promptTokenCount: limits.tellsPromptTokensApart
                ? positions.clamped(to: 0..<sequence.promptTokenCount).count : positions.count)
    }

    private func cachedBlock(
        of sequence: ScheduledSequence, index: Int, after last: KVBlockID?
    ) -> KVBlockID? {
        guard (index + 1) * limits.kvBlockLength <= sequence.reusablePositionCount else {
            return nil
        }
        return tables.pool.block(for: prefixKey(of: sequence, index: index, after: last))
    }

    private func lastBlock(ofSeat seat: Int, before place: Int) -> KVBlockID? {
        place == 0 ? nil : tables.block(ofSeat: seat, group: 0, index: place - 1)
    }
}
