// SPDX-License-Identifier: Apache-2.0

import DequeModule

/// Bytes on their way out: small writes grow one tail, a large one is queued without being copied.
struct OutputQueue {
    private var segments = Deque<[UInt8]>()
    private var tail: [UInt8] = []
    private var sentOfFirstBytes = 0
    /// Bytes that were not sent yet.
    private(set) var byteCount = 0

    /// From here on a copy costs more than a second buffer in the gathering send.
    private static let largeBytes = 16 << 10

    var isEmpty: Bool { byteCount == 0 }

    /// Queues bytes.
    mutating func append(_ bytes: [UInt8]) {
        byteCount += bytes.count
        if bytes.count < Self.largeBytes {
            tail.append(contentsOf: bytes)
            if tail.count >= Self.largeBytes { sealTail() }
        } else {
            sealTail()
            segments.append(bytes)
        }
    }

    /// Queues a copy of bytes.
    mutating func append(copying bytes: UnsafeRawBufferPointer) {
        byteCount += bytes.count
        tail.append(contentsOf: bytes)
        if tail.count >= Self.largeBytes { sealTail() }
    }

    /// Lets `write` append to the tail in place.
    mutating func appendToTail(_ write: (inout [UInt8]) -> Void) {
        let before = tail.count
        write(&tail)
        byteCount += tail.count - before
    }

    /// Hands out the first bytes in up to two pieces; the second may be empty.
    func withFirstBytes<Result>(
        _ body: (_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Result
    ) -> Result {
        guard let first = segments.first else {
            return tail.withUnsafeBytes { bytes in
                body(
                    UnsafeRawBufferPointer(rebasing: bytes[sentOfFirstBytes...]),
                    .init(start: nil, count: 0))
            }
        }
        let second = segments.count > 1 ? segments[1] : tail
        return first.withUnsafeBytes { bytes in
            second.withUnsafeBytes {
                body(UnsafeRawBufferPointer(rebasing: bytes[sentOfFirstBytes...]), $0)
            }
        }
    }

    /// Drops bytes that were sent; an empty queue holds no memory.
    mutating func removeFirst(_ sentBytes: Int) {
        precondition(sentBytes <= byteCount)
        byteCount -= sentBytes
        sentOfFirstBytes += sentBytes
        while let first = segments.first, sentOfFirstBytes >= first.count {
            sentOfFirstBytes -= first.count
            segments.removeFirst()
        }
        if segments.isEmpty, sentOfFirstBytes == tail.count {
            self = OutputQueue()
        }
    }

    private mutating func sealTail() {
        guard !tail.isEmpty else { return }
        segments.append(tail)
        tail = []
    }
}
