// SPDX-License-Identifier: Apache-2.0

/// Many short byte strings in one allocation, as vocabularies and merges are.
///
/// Elements are slices of the shared bytes; their indices do not start at zero.
package struct ByteStrings: Sendable, Equatable {
    private var bytes: [UInt8] = []
    private var ends: [Int] = []

    init(minimumCapacity: Int) {
        ends.reserveCapacity(minimumCapacity)
    }

    mutating func append(_ string: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: string)
        ends.append(bytes.count)
    }

    /// The strings as text; bytes that are not UTF-8 become U+FFFD.
    package var texts: [String] {
        map { String(decoding: $0, as: UTF8.self) }
    }
}

extension ByteStrings: RandomAccessCollection {
    /// The position of the first string.
    package var startIndex: Int { 0 }
    /// One past the position of the last string.
    package var endIndex: Int { ends.count }

    /// The bytes of one string as the file holds them.
    package subscript(position: Int) -> ArraySlice<UInt8> {
        bytes[(position == 0 ? 0 : ends[position - 1])..<ends[position]]
    }
}
