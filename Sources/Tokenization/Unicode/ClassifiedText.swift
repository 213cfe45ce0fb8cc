// SPDX-License-Identifier: Apache-2.0

/// One scalar of a text: its value, the raw value of its class, and its length in UTF-8.
struct ClassifiedScalar {
    let value: UInt32
    let code: UInt8
    let length: Int

    @inline(__always)
    func isIn(_ set: ScalarClassSet) -> Bool { set.contains(code: code) }
}

/// UTF-8 text that answers what scalar begins at a byte.
struct ClassifiedText {
    let bytes: [UInt8]
    private let table = ScalarClassTable.shared

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The scalar that begins at `index`; a stray byte counts as U+FFFD of length one.
    @inline(__always)
    func scalar(at index: Int) -> ClassifiedScalar {
        let lead = bytes[index]
        if lead < 0x80 {
            return ClassifiedScalar(
                value: UInt32(lead), code: table.code(UInt32(lead)), length: 1)
        }
        return wideScalar(at: index)
    }

    /// Whether the scalar at `index` is in the set; false at the end.
    @inline(__always)
    func isIn(_ set: ScalarClassSet, at index: Int, before end: Int) -> Bool {
        index < end && scalar(at: index).isIn(set)
    }

    /// The end of the run of scalars in the set that begins at `index`.
    @inline(__always)
    func endOfRun(_ set: ScalarClassSet, from index: Int, before end: Int) -> Int {
        var index = index
        while index < end {
            let scalar = scalar(at: index)
            guard scalar.isIn(set) else { break }
            index += scalar.length
        }
        return index
    }

    /// The first scalar that normalization to NFC may touch, as the index of its first byte.
    func firstUnstable(in range: Range<Int>) -> Int? {
        var index = range.lowerBound
        while index < range.upperBound {
            // Nothing below U+0300 is touched, and those lead with less than 0xCC.
            if bytes[index] < 0xCC {
                index += bytes[index] < 0x80 ? 1 : 2
                continue
            }
            let scalar = scalar(at: index)
            if table.isUnstable(scalar.value) { return index }
            index += scalar.length
        }
        return nil
    }

    private func wideScalar(at index: Int) -> ClassifiedScalar {
        let lead = UInt32(bytes[index])
        let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
        guard lead >= 0xC2, index + length <= bytes.count else {
            return ClassifiedScalar(value: 0xFFFD, code: table.code(0xFFFD), length: 1)
        }
        var value = lead & (0xFF >> UInt32(length + 1))
        for offset in 1..<length { value = value << 6 | UInt32(bytes[index + offset]) & 0x3F }
        value = value < 0x11_0000 ? value : 0xFFFD
        return ClassifiedScalar(value: value, code: table.code(value), length: length)
    }
}
