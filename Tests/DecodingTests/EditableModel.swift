// SPDX-License-Identifier: Apache-2.0

import Foundation
import ModelFile

/// A model file as values that a test changes and writes again, without its tokenizer.
struct EditableModel {
    struct Tensor {
        var name: String
        /// GGUF's number.
        var type: UInt32
        /// Outermost first.
        var shape: [Int]
        var bytes: [UInt8]
    }

    let architecture: String
    private var keys: [String]
    private var values: [String: MetadataValue]
    var tensors: [Tensor]

    init(_ file: GGUFFile) throws {
        architecture = try file.string("general.architecture")
        keys = file.metadataKeys.filter { !$0.hasPrefix("tokenizer.") }
        values = file.metadata
        tensors = file.tensors.map {
            Tensor(
                name: $0.name, type: $0.type.rawValue, shape: $0.shape,
                bytes: Array(file.bytes(of: $0)))
        }
    }

    /// The hyper-parameters that the file has, without the architecture before them.
    var hyperParameters: [String] {
        keys.filter { $0.hasPrefix(architecture + ".") }.map {
            String($0.dropFirst(architecture.count + 1))
        }
    }

    /// A hyper-parameter; nil where the file has none.
    subscript(parameter: String) -> MetadataValue? {
        get { values["\(architecture).\(parameter)"] }
        set { set("\(architecture).\(parameter)", newValue) }
    }

    /// Sets or removes a key under its whole name.
    mutating func set(_ key: String, _ value: MetadataValue?) {
        keys.removeAll { $0 == key }
        values[key] = value
        if value != nil { keys.append(key) }
    }

    /// Changes one tensor; the name must exist.
    mutating func change(_ name: String, _ body: (inout Tensor) -> Void) {
        guard let index = tensors.firstIndex(where: { $0.name == name }) else {
            preconditionFailure("no tensor \(name)")
        }
        body(&tensors[index])
    }

    /// Sets a range of a float32 tensor's elements to 0.
    mutating func zero(_ name: String, _ range: Range<Int>? = nil) {
        change(name) { tensor in
            let range = range ?? 0..<tensor.shape.reduce(1, *)
            for index in range.lowerBound * 4..<range.upperBound * 4 { tensor.bytes[index] = 0 }
        }
    }

    /// Writes the file, opens it and takes its name away: it goes with the last reference.
    func opened() throws -> GGUFFile {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).gguf").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(encoded().bytes).write(to: URL(filePath: path))
        return try GGUFFile(path: path)
    }

    /// The same model in files of about as many tensors each, opened by the first; likewise nameless.
    func opened(inParts count: Int) throws -> GGUFFile {
        let prefix = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path
        let paths = (1...count).map { "\(prefix)-0000\($0)-of-0000\(count).gguf" }
        defer { paths.forEach { try? FileManager.default.removeItem(atPath: $0) } }
        for (index, path) in paths.enumerated() {
            var part = self
            if index > 0 { (part.keys, part.values) = ([], [:]) }
            part.set("split.no", .uint16(UInt16(index)))
            part.set("split.count", .uint16(UInt16(count)))
            part.set("split.tensors.count", .int32(Int32(tensors.count)))
            part.tensors = Array(
                tensors[tensors.count * index / count..<tensors.count * (index + 1) / count])
            try Data(part.encoded().bytes).write(to: URL(filePath: path))
        }
        return try GGUFFile(path: paths[0])
    }

    /// The file's bytes, and how many of them are header.
    func encoded() -> (bytes: [UInt8], headerByteCount: Int) {
        var bytes = ModelBytes()
        bytes.append(Array("GGUF".utf8))
        bytes.append(UInt32(3))
        bytes.append(UInt64(tensors.count))
        bytes.append(UInt64(keys.count))
        for key in keys {
            bytes.append(key)
            if let value = values[key] { bytes.append(value) }
        }
        var offset = 0
        for tensor in tensors {
            bytes.append(tensor.name)
            bytes.append(UInt32(tensor.shape.count))
            for dimension in tensor.shape.reversed() { bytes.append(UInt64(dimension)) }
            bytes.append(tensor.type)
            bytes.append(UInt64(offset))
            offset += (tensor.bytes.count + 31) / 32 * 32
        }
        let headerByteCount = bytes.bytes.count
        for tensor in tensors {
            bytes.pad()
            bytes.append(tensor.bytes)
        }
        return (bytes.bytes, headerByteCount)
    }
}

/// Bytes in GGUF's encoding.
private struct ModelBytes {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ more: [UInt8]) { bytes += more }

    mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }

    mutating func append(_ string: String) {
        append(UInt64(string.utf8.count))
        bytes += Array(string.utf8)
    }

    mutating func pad() {
        bytes += [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32)
    }

    mutating func append(_ value: MetadataValue) {
        switch value {
        case .uint8(let value): append(type: 0, value)
        case .int8(let value): append(type: 1, value)
        case .uint16(let value): append(type: 2, value)
        case .int16(let value): append(type: 3, value)
        case .uint32(let value): append(type: 4, value)
        case .int32(let value): append(type: 5, value)
        case .float32(let value): append(type: 6, value.bitPattern)
        case .bool(let value): append(type: 7, UInt8(value ? 1 : 0))
        case .string(let value):
            append(type: 8, UInt64(value.count))
            append(value)
        case .array(.int32(let values)): append(elementType: 5, values)
        case .array(.float32(let values)): append(elementType: 6, values.map(\.bitPattern))
        case .array(let array): preconditionFailure("an array of \(array.elementTypeName)")
        case .uint64(let value): append(type: 10, value)
        case .int64(let value): append(type: 11, value)
        case .float64(let value): append(type: 12, value.bitPattern)
        }
    }

    private mutating func append(type: UInt32, _ value: some FixedWidthInteger) {
        append(type)
        append(value)
    }

    private mutating func append(elementType: UInt32, _ values: [some FixedWidthInteger]) {
        append(UInt32(9))
        append(elementType)
        append(UInt64(values.count))
        for value in values { append(value) }
    }
}
