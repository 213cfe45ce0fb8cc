// SPDX-License-Identifier: Apache-2.0

import CZlib

/// Unpacking of raw deflate streams of known length.
enum Inflation {
    /// The stream's bytes: exactly as many as were promised, or an error.
    static func inflated(
        _ packed: ArraySlice<UInt8>, byteCount: Int
    ) throws(NumPyDefect) -> [UInt8] {
        // Deflate packs at most 1032 to 1; a promise beyond that is not worth memory.
        guard byteCount / 1032 <= packed.count else {
            throw NumPyDefect(
                wanted: "a deflated stream", found: "\(byteCount) bytes out of \(packed.count)")
        }
        var isWhole = false
        let unpacked = [UInt8](unsafeUninitializedCapacity: byteCount) { target, initializedCount in
            packed.withUnsafeBufferPointer { source in
                isWhole = inflate(source, into: target, byteCount: byteCount)
            }
            initializedCount = isWhole ? byteCount : 0
        }
        guard isWhole else {
            throw NumPyDefect(
                wanted: "a deflated stream of \(byteCount) bytes", found: "a damaged one")
        }
        return unpacked
    }

    /// The CRC-32 that zip archives keep of each member.
    static func checksum(of bytes: [UInt8]) -> UInt32 {
        // Members are under 2^32 bytes, so that the length fits.
        bytes.withUnsafeBufferPointer { source in
            UInt32(truncatingIfNeeded: crc32_z(0, source.baseAddress, source.count))
        }
    }

    private static func inflate(
        _ source: UnsafeBufferPointer<UInt8>, into target: UnsafeMutableBufferPointer<UInt8>,
        byteCount: Int
    ) -> Bool {
        var stream = z_stream()
        let streamSize = CInt(MemoryLayout<z_stream>.size)
        let rawWindowBits: CInt = -15
        guard inflateInit2_(&stream, rawWindowBits, ZLIB_VERSION, streamSize) == Z_OK else {
            return false
        }
        defer { inflateEnd(&stream) }
        stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
        stream.avail_in = UInt32(clamping: source.count)
        stream.next_out = target.baseAddress
        stream.avail_out = UInt32(clamping: byteCount)
        let status = CZlib.inflate(&stream, Z_FINISH)
        return status == Z_STREAM_END && stream.avail_out == 0 && stream.avail_in == 0
    }
}
