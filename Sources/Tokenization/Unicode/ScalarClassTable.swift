// SPDX-License-Identifier: Apache-2.0

/// The class of every scalar, in two stages: a block number for each 256 scalars, then the block.
struct ScalarClassTable: Sendable {
    /// The one table, unpacked from its runs at first use.
    static let shared = ScalarClassTable(runs: runs)

    /// Set in an entry if normalization to NFC may touch the scalar or what precedes it.
    private static let unstable: UInt8 = 0x80

    private let blocks: [UInt8]
    private let entries: [UInt8]

    private init(runs: [UInt32]) {
        var flat = [UInt8](repeating: 0, count: 0x11_0000)
        for (index, run) in runs.enumerated() {
            let end = index + 1 < runs.count ? Int(runs[index + 1] >> 8) : flat.count
            for scalar in Int(run >> 8)..<end { flat[scalar] = UInt8(truncatingIfNeeded: run) }
        }
        var numbers: [ArraySlice<UInt8>: UInt8] = [:]
        var blocks: [UInt8] = []
        var entries: [UInt8] = []
        for start in stride(from: 0, to: flat.count, by: 256) {
            let block = flat[start..<start + 256]
            if let known = numbers[block] {
                blocks.append(known)
            } else {
                let number = UInt8(numbers.count)
                numbers[block] = number
                blocks.append(number)
                entries += block
            }
        }
        self.blocks = blocks
        self.entries = entries
    }

    /// The raw value of the scalar's `ScalarClass`.
    @inline(__always)
    func code(_ scalar: UInt32) -> UInt8 {
        entry(scalar) & ~Self.unstable
    }

    /// Whether text with this scalar may not be in NFC.
    @inline(__always)
    func isUnstable(_ scalar: UInt32) -> Bool {
        entry(scalar) & Self.unstable != 0
    }

    @inline(__always)
    private func entry(_ scalar: UInt32) -> UInt8 {
        entries[Int(blocks[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)]
    }
}
