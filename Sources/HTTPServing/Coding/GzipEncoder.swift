// SPDX-License-Identifier: Apache-2.0

internal import CZlib

/// Puts a response's body into gzip (RFC 1952), whole or piece by piece.
///
/// An object, as zlib's state must not move.
final class GzipEncoder {
    private let stream: UnsafeMutablePointer<z_stream>

    /// zlib's fastest: the loop waits for it, and JSON shrinks to about a quarter all the same.
    private static let level: Int32 = 1
    private static let gzipFormat: Int32 = 16

    /// An encoder for one body; nil where zlib gets no memory. A stream's takes a smaller window, 64 KiB
    /// of memory in place of 256, as there may be hundreds and their events repeat at short distances.
    init?(forStream isStream: Bool) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let windowBits: Int32 = isStream ? 13 : 15
        let memoryLevel: Int32 = isStream ? 6 : 8
        let status = deflateInit2_(
            stream, Self.level, Z_DEFLATED, windowBits + Self.gzipFormat, memoryLevel,
            Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { return nil }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// A whole body in gzip; nil where that would not be shorter.
    static func encoded(_ body: [UInt8]) -> [UInt8]? {
        guard let coded = GzipEncoder(forStream: false)?.encode(body, Z_FINISH) else { return nil }
        return coded.count < body.count ? coded : nil
    }

    /// Coded bytes from which the client can read all that was given so far.
    func write(_ piece: [UInt8]) -> [UInt8] {
        piece.isEmpty ? [] : encode(piece, Z_SYNC_FLUSH)
    }

    /// The end of the coded body.
    func finish() -> [UInt8] { encode([], Z_FINISH) }

    private func encode(_ input: [UInt8], _ flush: Int32) -> [UInt8] {
        var coded: [UInt8] = []
        input.withUnsafeBufferPointer { source in
            stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
            stream.pointee.avail_in = UInt32(clamping: source.count)
            let pieceBytes = min(Int(deflateBound(stream, UInt(source.count))) + 64, 64 << 10)
            repeat { coded += nextPiece(pieceBytes, flush) } while stream.pointee.avail_out == 0
            stream.pointee.next_in = nil
        }
        return coded
    }

    private func nextPiece(_ pieceBytes: Int, _ flush: Int32) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: pieceBytes) { buffer, count in
            stream.pointee.next_out = buffer.baseAddress
            stream.pointee.avail_out = UInt32(clamping: pieceBytes)
            _ = deflate(stream, flush)
            count = pieceBytes - Int(stream.pointee.avail_out)
        }
    }
}
