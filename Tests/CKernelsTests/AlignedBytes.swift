// SPDX-License-Identifier: Apache-2.0

/// Memory for strips and activations: 64-byte aligned, filled with a pattern that no result relies on.
final class AlignedBytes {
    let buffer: UnsafeMutableRawBufferPointer
    var base: UnsafeRawPointer { UnsafeRawPointer(start) }
    var start: UnsafeMutableRawPointer { buffer.baseAddress.unsafelyUnwrapped }
    var bytes: [UInt8] { [UInt8](buffer) }

    init(count: Int) {
        buffer = .allocate(byteCount: count, alignment: 64)
        buffer.initializeMemory(as: UInt8.self, repeating: 0xa5)
    }

    deinit { buffer.deallocate() }

    func load<T: BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T {
        buffer.loadUnaligned(fromByteOffset: offset, as: T.self)
    }
}
