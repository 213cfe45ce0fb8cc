// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// Zeroed memory from the operating system, given back when the owner goes.
///
/// Pages are touched on first use; large regions ask for huge pages, which halve the address
/// translations of a matrix that is streamed.
final class Memory {
    private var regions: [UnsafeMutableRawBufferPointer] = []
    private var current = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var used = 0
    /// Bytes asked for so far.
    private(set) var allocatedBytes = 0

    /// Small allocations share regions of this size: one huge page of x86-64 and arm64.
    private static let regionBytes = 2 << 20

    deinit {
        for region in regions { munmap(region.baseAddress, region.count) }
    }

    /// `byteCount` zeroed bytes at a multiple of 64, a cache line.
    func allocate(byteCount: Int) throws(ModelError) -> UnsafeMutableRawPointer {
        let needed = try count(byteCount)
        if needed > Self.regionBytes / 4 { return try map(needed) }
        if used + needed > current.count {
            current = .init(start: try map(Self.regionBytes), count: Self.regionBytes)
            used = 0
        }
        defer { used += needed }
        guard let base = current.baseAddress else { throw .outOfResources("\(byteCount) bytes") }
        return base + used
    }

    /// Addresses that count like `byteCount` bytes, and that nobody may read or write.
    func reserve(byteCount: Int) throws(ModelError) -> UnsafeMutableRawPointer {
        try map(try count(byteCount), protection: PROT_NONE)
    }

    private func count(_ byteCount: Int) throws(ModelError) -> Int {
        let (padded, overflows) = max(byteCount, 1).addingReportingOverflow(63)
        guard !overflows else { throw .outOfResources("\(byteCount) bytes") }
        allocatedBytes += padded & ~63
        return padded & ~63
    }

    /// `count` zeroed values.
    func allocate<Element: BitwiseCopyable>(
        _ type: Element.Type, count: Int
    ) throws(ModelError) -> UnsafeMutablePointer<Element> {
        let (bytes, overflows) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
        guard !overflows else { throw .outOfResources("\(count) values") }
        return try allocate(byteCount: bytes).bindMemory(to: type, capacity: count)
    }

    private func map(
        _ byteCount: Int, protection: Int32 = PROT_READ | PROT_WRITE
    ) throws(ModelError) -> UnsafeMutableRawPointer {
        let pages = mmap(
            nil, byteCount, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let pages, pages != MAP_FAILED else { throw .outOfResources("\(byteCount) bytes") }
        if byteCount >= Self.regionBytes { madvise(pages, byteCount, Int32(MADV_HUGEPAGE)) }
        regions.append(.init(start: pages, count: byteCount))
        return pages
    }
}
