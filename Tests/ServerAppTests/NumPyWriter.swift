// SPDX-License-Identifier: Apache-2.0

import Foundation

@testable import ServerApp

/// Writes `.npz` archives as `numpy.savez` does: members stored, arrays little-endian in C order.
struct NumPyWriter {
    private var members: [UInt8] = []
    private var directory: [UInt8] = []
    private var memberCount = 0

    /// Adds an array; `type` is NumPy's name of the elements that `bytes` holds.
    mutating func add(_ name: String, type: String, shape: [Int], bytes: [UInt8]) {
        let sizes = shape.map { "\($0), " }.joined()
        let header = Array(
            "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(sizes)), }\n".utf8)
        let file =
            [0x93] + Array("NUMPY".utf8) + [1, 0] + Self.bytes(UInt16(header.count)) + header
            + bytes
        let path = Array("\(name).npy".utf8)
        let sums =
            Self.bytes(Inflation.checksum(of: file)) + Self.bytes(UInt32(file.count))
            + Self.bytes(UInt32(file.count)) + Self.bytes(UInt16(path.count))
        let offset = UInt32(members.count)
        let plain: [UInt8] = [20, 0, 0, 0, 0, 0, 0, 0, 0, 0]  // version, flags, method, time, date
        members += [0x50, 0x4B, 3, 4] + plain + sums + [0, 0] + path + file
        directory += [0x50, 0x4B, 1, 2, 20, 0] + plain + sums
        directory += [UInt8](repeating: 0, count: 12) + Self.bytes(offset) + path
        memberCount += 1
    }

    /// The whole archive.
    var archive: [UInt8] {
        let count = Self.bytes(UInt16(memberCount))
        let end =
            [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count + count + Self.bytes(UInt32(directory.count))
            + Self.bytes(UInt32(members.count)) + [0, 0]
        return members + directory + end
    }

    private static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
