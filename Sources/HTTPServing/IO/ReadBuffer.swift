// SPDX-License-Identifier: Apache-2.0

/// The memory that every read of a loop goes into first; connections keep only what they must.
final class ReadBuffer {
    let bytes: UnsafeMutableRawBufferPointer

    init(byteCount: Int) {
        bytes = .allocate(byteCount: byteCount, alignment: 64)
    }

    deinit { bytes.deallocate() }
}
