// SPDX-License-Identifier: Apache-2.0

import ModelFile

/// The header of a `.npy` file: element type and shape.
///
/// Source: NumPy Enhancement Proposal 1, and `numpy.lib.format` for versions 2 and 3.
struct NumPyHeader: Equatable {
    let type: NumPyType
    let shape: [Int]
    let elementCount: Int
    /// Where the elements begin.
    let byteCount: Int

    /// Characters of the dictionary; arrays of plain numbers need under 200.
    static let maxDictionaryBytes = 65_536
    /// NumPy's own limit.
    static let maxDimensionCount = 64

    /// - Throws: `NumPyDefect` when the header is not of an array of numbers in C order.
    init(_ bytes: [UInt8]) throws(NumPyDefect) {
        var reader = LittleEndianReader(bytes)
        guard try reader.bytes(6).elementsEqual([0x93] + Array("NUMPY".utf8)) else {
            throw NumPyDefect(wanted: "the magic string of a .npy file", found: "other bytes")
        }
        let major = try reader.integer(UInt8.self)
        try reader.skip(1)
        let length: Int
        switch major {
        case 1: length = Int(try reader.integer(UInt16.self))
        case 2, 3: length = Int(try reader.integer(UInt32.self))
        default: throw NumPyDefect(wanted: ".npy version 1, 2 or 3", found: "version \(major)")
        }
        guard length <= NumPyHeader.maxDictionaryBytes else {
            throw NumPyDefect(
                wanted: "a header of at most \(NumPyHeader.maxDictionaryBytes) bytes",
                found: "\(length)")
        }
        var dictionary = PythonDictionary(try reader.bytes(length))
        try dictionary.read()
        byteCount = reader.offset
        type = try dictionary.numberType()
        shape = try dictionary.shape()
        elementCount = try NumPyHeader.product(of: shape)
    }

    private static func product(of shape: [Int]) throws(NumPyDefect) -> Int {
        guard shape.count <= maxDimensionCount else {
            throw NumPyDefect(
                wanted: "at most \(maxDimensionCount) dimensions", found: "\(shape.count)")
        }
        var product = 1
        for dimension in shape {
            let (next, didOverflow) = product.multipliedReportingOverflow(by: dimension)
            guard !didOverflow, next <= ZipArchive.maxMemberBytes else {
                throw NumPyDefect(
                    wanted: "at most \(ZipArchive.maxMemberBytes) elements", found: "more")
            }
            product = next
        }
        return product
    }
}

/// An element type by the name that NumPy writes, little-endian.
enum NumPyType: String, CaseIterable {
    case float16 = "<f2"
    case float32 = "<f4"
    case float64 = "<f8"
    case int32 = "<i4"
    case int64 = "<i8"
    case uint16 = "<u2"
    case uint32 = "<u4"

    var byteCount: Int {
        switch self {
        case .float16, .uint16: 2
        case .float32, .int32, .uint32: 4
        case .float64, .int64: 8
        }
    }
}

extension PythonDictionary {
    fileprivate func numberType() throws(NumPyDefect) -> NumPyType {
        let allTypes = NumPyType.allCases.map(\.rawValue).joined(separator: " ")
        guard case .string(let name) = values["descr"] else {
            throw NumPyDefect(wanted: "an element type of \(allTypes)", found: "none")
        }
        guard let type = NumPyType(rawValue: name) else {
            throw NumPyDefect(wanted: "an element type of \(allTypes)", found: name.quoted)
        }
        return type
    }

    fileprivate func shape() throws(NumPyDefect) -> [Int] {
        guard case .bool(false) = values["fortran_order"] else {
            throw NumPyDefect(wanted: "elements in C order", found: "another order")
        }
        guard case .tuple(let shape) = values["shape"] else {
            throw NumPyDefect(wanted: "a shape", found: "none")
        }
        return shape
    }
}
