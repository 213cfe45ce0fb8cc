// SPDX-License-Identifier: Apache-2.0

/// A number in a block that scales its values, by its offset in bytes.
enum ScaleField {
    case half(Int)
    /// An f16 in the upper four bits of four 16-bit words.
    case splitHalf(Int)
    /// The exponent of a power of two.
    case e8m0(Int)
    case ue4m3(Int)

    /// Writes the value, or what is next to its magnitude in a format without signs.
    func store(_ value: Float, in blocks: inout [UInt8], at block: Int) {
        switch self {
        case .half(let offset):
            blocks.store(Float16(value), at: block + offset)
        case .splitHalf(let offset):
            let bits = Float16(value).bitPattern
            for word in 0..<4 {
                let nibble = UInt8(bits >> UInt16(4 * word) & 15)
                let byte = block + offset + 2 * word + 1
                blocks[byte] = blocks[byte] & 15 | nibble << 4
            }
        case .e8m0(let offset):
            blocks[block + offset] = UInt8(truncatingIfNeeded: value.bitPattern >> 23)
        case .ue4m3(let offset):
            // An f16 has 7 mantissa bits more, and an exponent that counts from 8 less.
            let bits = Float16(value.magnitude / 256).bitPattern >> 7
            blocks[block + offset] = UInt8(truncatingIfNeeded: bits)
        }
    }
}
