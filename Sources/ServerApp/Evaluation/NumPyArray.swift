// SPDX-License-Identifier: Apache-2.0

/// One array of numbers as NumPy saved it, in C order.
package struct NumPyArray: Sendable {
    /// Dimensions outermost first; empty for a scalar.
    package let shape: [Int]

    private let type: NumPyType
    private let bytes: [UInt8]
    private let start: Int
    private let path: String
    private let name: String

    /// - Throws: `NumPyDefect` when the bytes are no `.npy` file of a known type, or not whole.
    init(_ bytes: [UInt8], path: String, name: String) throws(NumPyDefect) {
        let header = try NumPyHeader(bytes)
        let wantedByteCount = header.elementCount * header.type.byteCount  // at most 2^33
        guard bytes.count - header.byteCount == wantedByteCount else {
            throw NumPyDefect(
                wanted: "\(wantedByteCount) bytes of elements",
                found: "\(bytes.count - header.byteCount)")
        }
        shape = header.shape
        type = header.type
        start = header.byteCount
        self.bytes = bytes
        self.path = path
        self.name = name
    }

    /// The elements of an array of floats of any width.
    /// - Throws: `NumPyError.badArray` when the elements are integers.
    package func floats() throws(NumPyError) -> [Float] {
        switch type {
        case .float16: elements(UInt16.self).map { Float(Float16(bitPattern: $0)) }
        case .float32: elements(UInt32.self).map { Float(bitPattern: $0) }
        case .float64: elements(UInt64.self).map { Float(Double(bitPattern: $0)) }
        default: throw mismatch("floats")
        }
    }

    /// The elements of an array of integers of any width.
    /// - Throws: `NumPyError.badArray` when the elements are floats.
    package func ints() throws(NumPyError) -> [Int] {
        switch type {
        case .int32: elements(Int32.self).map { Int($0) }
        case .int64: elements(Int64.self).map { Int($0) }
        case .uint16: elements(UInt16.self).map { Int($0) }
        case .uint32: elements(UInt32.self).map { Int($0) }
        default: throw mismatch("integers")
        }
    }

    private func elements<Element: FixedWidthInteger>(_ type: Element.Type) -> [Element] {
        let elementBytes = MemoryLayout<Element>.size
        return bytes.withUnsafeBytes { source in
            stride(from: start, to: source.count, by: elementBytes).map { offset in
                Element(littleEndian: source.loadUnaligned(fromByteOffset: offset, as: type))
            }
        }
    }

    private func mismatch(_ wanted: String) -> NumPyError {
        .badArray(path: path, name: name, wanted: wanted, found: type.rawValue)
    }
}
