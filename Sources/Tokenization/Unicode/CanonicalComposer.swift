// SPDX-License-Identifier: Apache-2.0

/// Normalization to NFC in time linear in the text, but for sorting runs of marks.
///
/// Foundation's own takes time quadratic in a run of combining marks, which a request may choose.
/// Source: Unicode Standard Annex 15.
struct CanonicalComposer: Sendable {
    /// The one composer, its tables built at first use.
    static let shared = CanonicalComposer()

    private let parts: [UInt32: (first: UInt32, second: UInt32)]
    private let composites: [UInt64: UInt32]

    private init() {
        var parts: [UInt32: (first: UInt32, second: UInt32)] = [:]
        var composites: [UInt64: UInt32] = [:]
        for entry in Self.decompositions {
            let scalar = UInt32(entry >> 42 & 0x1F_FFFF)
            let pair = entry & 0x3FF_FFFF_FFFF
            parts[scalar] = (UInt32(pair >> 21), UInt32(pair & 0x1F_FFFF))
            if entry >> 63 == 1 { composites[pair] = scalar }
        }
        self.parts = parts
        self.composites = composites
    }

    /// The scalars of a text, composed.
    func composed(_ text: some Sequence<Unicode.Scalar>) -> String.UnicodeScalarView {
        var scalars: [(value: UInt32, order: UInt8)] = []
        for scalar in text { decompose(scalar.value, into: &scalars) }
        sortMarks(&scalars)
        return compose(scalars)
    }

    private func decompose(_ scalar: UInt32, into scalars: inout [(value: UInt32, order: UInt8)]) {
        if let (first, second) = parts[scalar] {
            decompose(first, into: &scalars)
            if second != 0 { decompose(second, into: &scalars) }
        } else if let (lead, vowel, tail) = Hangul.parts(scalar) {
            scalars.append((lead, 0))
            scalars.append((vowel, 0))
            if let tail { scalars.append((tail, 0)) }
        } else {
            scalars.append((scalar, combiningClass(scalar)))
        }
    }

    /// The canonical combining class, 0 for marks that are too new for the reference tokenizers.
    private func combiningClass(_ scalar: UInt32) -> UInt8 {
        guard ScalarClassTable.shared.isUnstable(scalar) else { return 0 }
        return Unicode.Scalar(scalar)?.properties.canonicalCombiningClass.rawValue ?? 0
    }

    /// Puts each run of marks in the order of their combining classes, equal ones left as they are.
    private func sortMarks(_ scalars: inout [(value: UInt32, order: UInt8)]) {
        var start = 0
        while start < scalars.count {
            guard scalars[start].order != 0 else {
                start += 1
                continue
            }
            let end = scalars[start...].firstIndex { $0.order == 0 } ?? scalars.count
            defer { start = end }
            let pairs = zip(scalars[start..<end], scalars[start..<end].dropFirst())
            if pairs.allSatisfy({ $0.order <= $1.order }) { continue }
            var marks: [[(value: UInt32, order: UInt8)]] = Array(repeating: [], count: 256)
            for mark in scalars[start..<end] { marks[Int(mark.order)].append(mark) }
            scalars.replaceSubrange(start..<end, with: marks.joined())
        }
    }

    /// Joins each mark to the last starter where the pair has a composite and nothing blocks it.
    private func compose(
        _ scalars: [(value: UInt32, order: UInt8)]
    ) -> String.UnicodeScalarView {
        var output: [UInt32] = []
        var starter: Int?
        var lastOrder: UInt8 = 0
        for (value, order) in scalars {
            let isAdjacent = starter.map { $0 == output.count - 1 } ?? false
            if let starter, isAdjacent || lastOrder < order,
                let composite = composite(output[starter], value)
            {
                output[starter] = composite
                continue
            }
            if order == 0 { starter = output.count }
            lastOrder = order
            output.append(value)
        }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: output.lazy.compactMap(Unicode.Scalar.init))
        return view
    }

    private func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
        composites[UInt64(first) << 21 | UInt64(second)] ?? Hangul.composite(first, second)
    }
}

/// The arithmetic of Hangul syllables (Unicode Standard, section 3.12).
private enum Hangul {
    private static let syllables: Range<UInt32> = 0xAC00..<0xD7A4
    private static let leads: Range<UInt32> = 0x1100..<0x1113
    private static let vowels: Range<UInt32> = 0x1161..<0x1176
    private static let tails: Range<UInt32> = 0x11A8..<0x11C3

    static func parts(_ scalar: UInt32) -> (lead: UInt32, vowel: UInt32, tail: UInt32?)? {
        guard syllables.contains(scalar) else { return nil }
        let index = scalar - syllables.lowerBound
        let tail = index % 28
        return (
            leads.lowerBound + index / 588, vowels.lowerBound + index % 588 / 28,
            tail == 0 ? nil : tails.lowerBound + tail - 1
        )
    }

    static func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if leads.contains(first), vowels.contains(second) {
            let lead = first - leads.lowerBound
            return syllables.lowerBound + (lead * 21 + second - vowels.lowerBound) * 28
        }
        let isOpen = syllables.contains(first) && (first - syllables.lowerBound) % 28 == 0
        guard isOpen, tails.contains(second) else { return nil }
        return first + second - tails.lowerBound + 1
    }
}
