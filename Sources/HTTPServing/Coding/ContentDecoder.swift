// SPDX-License-Identifier: Apache-2.0

internal import CZlib

/// Takes the content coding off a request's body while it arrives; the result is bounded at every step.
///
/// An object, as zlib's state must not move.
final class ContentDecoder {
    /// Memory that zlib takes for one stream: a window of 32 KiB, and its tables.
    static let stateBytes = 48 << 10
    /// Up to here a body may expand by any factor.
    static let freeExpandedBytes = 1 << 20
    /// Above, by this one. Text that people write shrinks to a fifth, not to a hundredth; deflate can
    /// expand by 1032, so that a few kilobytes would keep the loop busy for a whole body.
    static let maxExpansionFactor = 100

    private let stream: UnsafeMutablePointer<z_stream>
    private let coding: ContentCoding
    private let maxBodyBytes: Int
    private var memberHasEnded = false
    /// Coded bytes taken so far.
    private(set) var takenBytes = 0

    /// - Throws: `Refusal.outOfBodyMemory` where zlib gets no memory.
    init(_ coding: ContentCoding, maxBodyBytes: Int) throws(Refusal) {
        self.coding = coding
        self.maxBodyBytes = maxBodyBytes
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let size = Int32(MemoryLayout<z_stream>.size)
        guard inflateInit2_(stream, coding.windowBits, ZLIB_VERSION, size) == Z_OK else {
            throw .outOfBodyMemory
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Whether the input ended where the coded body ends.
    var isComplete: Bool { memberHasEnded }

    /// Appends what `input` expands to.
    /// - Throws: `Refusal.bodyTooLarge`, or `malformedContent` for what is not in the coding.
    func decode(_ input: Span<UInt8>, into body: inout [UInt8]) throws(Refusal) {
        takenBytes += input.count
        guard takenBytes <= maxBodyBytes else { throw .bodyTooLarge(maxBytes: maxBodyBytes) }
        try input.withUnsafeBufferPointer { source throws(Refusal) in
            stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
            stream.pointee.avail_in = UInt32(clamping: source.count)
            defer { stream.pointee.next_in = nil }
            try expand(into: &body)
        }
    }

    private func expand(into body: inout [UInt8]) throws(Refusal) {
        let pieceBytes = 32 << 10
        var mayHaveMore = stream.pointee.avail_in > 0
        while mayHaveMore {
            if memberHasEnded { try beginMember() }
            var status = Z_OK
            let piece = [UInt8](unsafeUninitializedCapacity: pieceBytes) { buffer, count in
                stream.pointee.next_out = buffer.baseAddress
                stream.pointee.avail_out = UInt32(clamping: pieceBytes)
                status = inflate(stream, Z_NO_FLUSH)
                count = pieceBytes - Int(stream.pointee.avail_out)
            }
            body.append(contentsOf: piece)
            guard body.count <= allowedBytes else { throw .bodyTooLarge(maxBytes: allowedBytes) }
            switch status {
            case Z_STREAM_END: memberHasEnded = true
            case Z_OK: break
            // No progress was possible: all input is taken and all output given.
            case Z_BUF_ERROR: return
            default: throw .malformedContent
            }
            let outputIsFull = !memberHasEnded && stream.pointee.avail_out == 0
            mayHaveMore = stream.pointee.avail_in > 0 || outputIsFull
        }
    }

    /// More input after the end of a gzip member is another member.
    private func beginMember() throws(Refusal) {
        guard coding == .gzip, inflateReset(stream) == Z_OK else { throw .malformedContent }
        memberHasEnded = false
    }

    /// What the body may have expanded to by now.
    private var allowedBytes: Int {
        min(maxBodyBytes, max(Self.freeExpandedBytes, takenBytes * Self.maxExpansionFactor))
    }
}
