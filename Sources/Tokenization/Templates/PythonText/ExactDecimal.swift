// SPDX-License-Identifier: Apache-2.0

/// The exact decimal value of a double's magnitude, for rounding as Python does: from the value itself,
/// halves to even.
struct ExactDecimal {
    /// Decimal digits, 0 … 9, most significant first; at least one.
    private(set) var digits: [UInt8]
    /// How many of them come after the point.
    private(set) var fractionCount: Int

    /// - Precondition: `value` is finite.
    init(_ value: Double) {
        var limbs = Limbs(value.significandBitPattern | (value.isNormal ? 1 << 52 : 0))
        // value = significand · 2^power
        let power = (value.isNormal ? Int(value.exponent) : -1022) - 52
        if power >= 0 {
            limbs.multiply(by: 2, times: power)
            fractionCount = 0
        } else {
            // m / 2^k = m · 5^k / 10^k
            limbs.multiply(by: 5, times: -power)
            fractionCount = -power
        }
        digits = limbs.digits
        if digits.count <= fractionCount {
            digits.insert(
                contentsOf: repeatElement(0, count: fractionCount + 1 - digits.count), at: 0)
        }
    }

    /// Keeps `count` digits after the point; with a negative count, zeros before it.
    mutating func round(toFractionCount count: Int) {
        guard count < fractionCount else {
            // Callers bound the count.
            digits.append(contentsOf: repeatElement(0, count: count - fractionCount))
            fractionCount = count
            return
        }
        let keptCount = digits.count - (fractionCount - count)
        guard keptCount >= 0 else {
            digits = [0]
            fractionCount = 0
            return
        }
        let dropped = digits[keptCount...]
        var kept = Array(digits[..<keptCount])
        if kept.isEmpty { kept = [0] }
        let isAboveHalf =
            dropped.first.map { $0 > 5 || ($0 == 5 && dropped.dropFirst().contains { $0 != 0 }) }
            ?? false
        let isHalf = dropped.first == 5 && !isAboveHalf
        if isAboveHalf || (isHalf && !kept[kept.count - 1].isMultiple(of: 2)) {
            Self.increment(&kept)
        }
        if count < 0 { kept.append(contentsOf: repeatElement(0, count: -count)) }
        digits = kept
        fractionCount = max(0, count)
        if digits.count <= fractionCount {
            digits.insert(
                contentsOf: repeatElement(0, count: fractionCount + 1 - digits.count), at: 0)
        }
    }

    /// The power of ten of the first digit that is not 0; 0 for zero.
    var exponent: Int {
        let zeros = digits.prefix { $0 == 0 }.count
        return zeros == digits.count ? 0 : digits.count - fractionCount - zeros - 1
    }

    /// "12.50"; without digits after the point, no point.
    var text: String {
        let characters = digits.map { $0 + 0x30 }
        let wholeCount = characters.count - fractionCount
        var whole = characters[..<wholeCount]
        while whole.count > 1, whole.first == 0x30 { whole.removeFirst() }
        guard fractionCount > 0 else { return String(utf8: whole) }
        return String(utf8: whole) + "." + String(utf8: characters[wholeCount...])
    }

    private static func increment(_ digits: inout [UInt8]) {
        for index in digits.indices.reversed() {
            if digits[index] < 9 {
                digits[index] += 1
                return
            }
            digits[index] = 0
        }
        digits.insert(1, at: 0)
    }
}

/// A natural number in base 10⁹, least significant first.
private struct Limbs {
    private static let base: UInt64 = 1_000_000_000
    private var limbs: [UInt64]

    init(_ value: UInt64) {
        limbs = []
        var rest = value
        repeat {
            limbs.append(rest % Self.base)
            rest /= Self.base
        } while rest > 0
    }

    mutating func multiply(by factor: UInt64, times: Int) {
        var left = times
        while left > 0 {
            // 5¹² < 10⁹, so a product with a limb fits 64 bits.
            let step = min(left, 12)
            let product = (0..<step).reduce(UInt64(1)) { result, _ in result * factor }
            var carry: UInt64 = 0
            for index in limbs.indices {
                let value = limbs[index] * product + carry
                limbs[index] = value % Self.base
                carry = value / Self.base
            }
            while carry > 0 {
                limbs.append(carry % Self.base)
                carry /= Self.base
            }
            left -= step
        }
    }

    var digits: [UInt8] {
        var digits: [UInt8] = []
        for (index, limb) in limbs.reversed().enumerated() {
            let text = String(limb)
            if index > 0 { digits.append(contentsOf: repeatElement(0, count: 9 - text.utf8.count)) }
            digits.append(contentsOf: text.utf8.map { $0 - 0x30 })
        }
        return digits
    }
}
