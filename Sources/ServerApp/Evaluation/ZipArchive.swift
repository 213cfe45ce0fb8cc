// SPDX-License-Identifier: Apache-2.0

/// The directory of a zip archive in memory, and the way to each member's bytes.
///
/// Reads what NumPy writes: members stored or deflated, sizes below 4 GiB. Source: PKWARE's
/// APPNOTE, sections 4.3.7 (local header), 4.3.12 (central directory) and 4.3.16 (its end).
struct ZipArchive {
    /// The members' names in directory order.
    let names: [String]
    private let members: [String: Member]
    private let bytes: [UInt8]
    private let directoryStart: Int

    /// Bytes that one member may unpack to.
    static let maxMemberBytes = 1 << 30
    /// Members in one archive; evaluation files hold a handful.
    static let maxMemberCount = 4096

    private struct Member {
        let method: UInt16
        let checksum: UInt32
        let packedByteCount: Int
        let byteCount: Int
        let headerOffset: Int
    }

    /// - Throws: `NumPyDefect` when the bytes are no plain zip archive.
    init(_ bytes: [UInt8]) throws(NumPyDefect) {
        let end = try ZipArchive.directoryEnd(in: bytes)
        var reader = LittleEndianReader(bytes, at: end.start, limit: end.start + end.byteCount)
        var names: [String] = []
        var members: [String: Member] = [:]
        for _ in 0..<end.memberCount {
            let (name, member) = try ZipArchive.member(from: &reader)
            guard members.updateValue(member, forKey: name) == nil else {
                throw NumPyDefect(wanted: "each member once", found: "one twice")
            }
            names.append(name)
        }
        self.bytes = bytes
        self.names = names
        self.members = members
        directoryStart = end.start
    }

    /// A member's bytes, unpacked and checked against its checksum; nil when there is no such name.
    func contents(of name: String) throws(NumPyDefect) -> [UInt8]? {
        guard let member = members[name] else { return nil }
        let packed = try packedBytes(of: member)
        let unpacked: [UInt8]
        switch member.method {
        case 0: unpacked = Array(packed)
        case 8: unpacked = try Inflation.inflated(packed, byteCount: member.byteCount)
        default:
            throw NumPyDefect(
                wanted: "members stored or deflated", found: "method \(member.method)")
        }
        guard unpacked.count == member.byteCount else {
            throw NumPyDefect(
                wanted: "\(member.byteCount) bytes", found: "\(unpacked.count)")
        }
        guard Inflation.checksum(of: unpacked) == member.checksum else {
            throw NumPyDefect(wanted: "bytes that match the checksum", found: "others")
        }
        return unpacked
    }

    private func packedBytes(of member: Member) throws(NumPyDefect) -> ArraySlice<UInt8> {
        var reader = LittleEndianReader(bytes, at: member.headerOffset, limit: directoryStart)
        guard try reader.integer(UInt32.self) == 0x0403_4B50 else {
            throw NumPyDefect(wanted: "a member's header", found: "other bytes")
        }
        try reader.skip(22)  // the directory has said all this already
        let nameByteCount = try reader.integer(UInt16.self)
        let extraByteCount = try reader.integer(UInt16.self)
        try reader.skip(Int(nameByteCount) + Int(extraByteCount))
        return try reader.bytes(member.packedByteCount)
    }
}

extension ZipArchive {
    private static func directoryEnd(
        in bytes: [UInt8]
    ) throws(NumPyDefect) -> (start: Int, byteCount: Int, memberCount: Int) {
        let recordByteCount = 22
        let maxCommentBytes = 65_535
        let last = bytes.count - recordByteCount
        guard last >= 0 else { throw NumPyDefect(wanted: "a zip archive", found: "a short file") }
        for offset in stride(from: last, through: max(0, last - maxCommentBytes), by: -1)
        where bytes[offset] == 0x50 {
            var reader = LittleEndianReader(bytes, at: offset, limit: bytes.count)
            guard try reader.integer(UInt32.self) == 0x0605_4B50 else { continue }
            return try directoryEnd(from: &reader, at: offset)
        }
        throw NumPyDefect(wanted: "a zip archive", found: "no directory at its end")
    }

    private static func directoryEnd(
        from reader: inout LittleEndianReader, at offset: Int
    ) throws(NumPyDefect) -> (start: Int, byteCount: Int, memberCount: Int) {
        let disks = try reader.integer(UInt32.self)
        guard disks == 0 else {
            throw NumPyDefect(wanted: "an archive in one part", found: "one of several")
        }
        try reader.skip(2)
        let memberCount = try reader.integer(UInt16.self)
        let byteCount = try reader.integer(UInt32.self)
        let start = try reader.integer(UInt32.self)
        guard memberCount != .max, byteCount != .max, start != .max else {
            throw NumPyDefect(wanted: "a zip archive below 4 GiB", found: "a zip64 one")
        }
        guard memberCount <= maxMemberCount else {
            throw NumPyDefect(wanted: "at most \(maxMemberCount) members", found: "\(memberCount)")
        }
        guard Int(start) + Int(byteCount) <= offset else {
            throw NumPyDefect(wanted: "the directory before its end record", found: "it beyond")
        }
        return (Int(start), Int(byteCount), Int(memberCount))
    }

    private static func member(
        from reader: inout LittleEndianReader
    ) throws(NumPyDefect) -> (name: String, Member) {
        guard try reader.integer(UInt32.self) == 0x0201_4B50 else {
            throw NumPyDefect(wanted: "an entry of the directory", found: "other bytes")
        }
        try reader.skip(4)
        let flags = try reader.integer(UInt16.self)
        let method = try reader.integer(UInt16.self)
        try reader.skip(4)
        let checksum = try reader.integer(UInt32.self)
        let packedByteCount = try reader.integer(UInt32.self)
        let byteCount = try reader.integer(UInt32.self)
        let nameByteCount = try reader.integer(UInt16.self)
        let extraByteCount = try reader.integer(UInt16.self)
        let commentByteCount = try reader.integer(UInt16.self)
        try reader.skip(8)
        let headerOffset = try reader.integer(UInt32.self)
        let name = String(decoding: try reader.bytes(Int(nameByteCount)), as: UTF8.self)
        try reader.skip(Int(extraByteCount) + Int(commentByteCount))

        guard flags & 1 == 0 else {
            throw NumPyDefect(wanted: "plain members", found: "an encrypted one")
        }
        guard packedByteCount != .max, byteCount != .max, headerOffset != .max else {
            throw NumPyDefect(wanted: "members below 4 GiB", found: "a zip64 one")
        }
        guard byteCount <= maxMemberBytes else {
            throw NumPyDefect(
                wanted: "members of at most \(maxMemberBytes) bytes", found: "\(byteCount)")
        }
        return (
            name,
            Member(
                method: method, checksum: checksum, packedByteCount: Int(packedByteCount),
                byteCount: Int(byteCount), headerOffset: Int(headerOffset))
        )
    }
}
