// SPDX-License-Identifier: Apache-2.0

extension ClassifiedText {
    /// `\p{N}{1,maxCount}`: the end of the numbers that begin at `index`.
    @inline(__always)
    func endOfNumbers(from index: Int, before end: Int, maxCount: Int) -> Int {
        var index = index
        var count = 0
        while index < end, count < maxCount {
            let scalar = scalar(at: index)
            guard scalar.isIn(.numbers) else { break }
            index += scalar.length
            count += 1
        }
        return index
    }
}

/// `\p{N}{1,3}`: numbers in groups of a bounded length.
struct NumberPattern: SplitPattern {
    var maxCount: Int

    func matchEnd(in text: ClassifiedText, from index: Int, before end: Int) -> Int {
        text.endOfNumbers(from: index, before: end, maxCount: maxCount)
    }
}

/// `[0-9][0-9][0-9]`: Falcon's groups of three.
struct DigitTriplePattern: SplitPattern {
    func matchEnd(in text: ClassifiedText, from index: Int, before end: Int) -> Int {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard index + 3 <= end else { return index }
        return text.bytes[index..<index + 3].allSatisfy(digits.contains) ? index + 3 : index
    }
}

/// `\s?[set]+`: runs of a set of scalars, with the white space before if the rule takes it.
struct RunPattern: SplitPattern {
    var set: ScalarSet
    var takesSpace = false

    func matchEnd(in text: ClassifiedText, from index: Int, before end: Int) -> Int {
        let scalar = text.scalar(at: index)
        var start = index
        if takesSpace, scalar.isIn(.spaces) { start += scalar.length }
        var after = start
        while after < end {
            let scalar = text.scalar(at: after)
            guard set.contains(scalar) else { break }
            after += scalar.length
        }
        if after > start { return after }
        return set.contains(scalar) ? start : index
    }
}

/// `[\r\n]`: each line break is a piece.
struct NewlinePattern: SplitPattern {
    func matchEnd(in text: ClassifiedText, from index: Int, before end: Int) -> Int {
        text.bytes[index] == 0x0A || text.bytes[index] == 0x0D ? index + 1 : index
    }
}

/// `[^\n]+|[\n]+`: lines, and what is between them.
struct LinePattern: SplitPattern {
    func matchEnd(in text: ClassifiedText, from index: Int, before end: Int) -> Int {
        let isBreak = text.bytes[index] == 0x0A
        var after = index
        while after < end, (text.bytes[after] == 0x0A) == isBreak { after += 1 }
        return after
    }
}

/// `\s+$`: the white space that ends a piece.
struct TrailingSpacePattern: SplitPattern {
    func matchEnd(in text: ClassifiedText, from index: Int, before end: Int) -> Int {
        let after = text.endOfRun(.spaces, from: index, before: end)
        return after == end ? end : index
    }

    /// Looks at each scalar once, where to try a match at each would be quadratic in the spaces.
    func split(_ piece: Range<Int>, of text: ClassifiedText, into pieces: inout [Range<Int>]) {
        var index = piece.lowerBound
        var start = index
        while index < piece.upperBound {
            let scalar = text.scalar(at: index)
            index += scalar.length
            if !scalar.isIn(.spaces) { start = index }
        }
        if piece.lowerBound < start { pieces.append(piece.lowerBound..<start) }
        if start < piece.upperBound { pieces.append(start..<piece.upperBound) }
    }
}
