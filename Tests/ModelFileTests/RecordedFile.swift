// SPDX-License-Identifier: Apache-2.0

import Foundation
import ModelFile

/// What gguf-py reads in a file, as `Fixtures/ModelFile/record.py` wrote it down.
struct RecordedFile: Decodable {
    let alignment: Int
    let keys: [Key]
    let tensors: [Tensor]

    struct Key: Decodable, Equatable {
        let key: String
        let type: String
        let hash: String
    }

    struct Tensor: Decodable, Equatable {
        let name: String
        let type: String
        let shape: [Int]
        /// The file of a split model, from 0.
        let part: Int
        let offset: Int
        let byteCount: Int
        let hash: String
    }
}

/// Everything that `record.py` wrote down.
struct Recording: Decodable {
    let types: [BlockType]
    let files: [String: RecordedFile]

    struct BlockType: Decodable, Equatable {
        let name: String
        let number: UInt32
        let blockLength: Int
        let blockBytes: Int
    }

    static func load() throws -> Recording {
        let url = fixtures.appendingPathComponent("ModelFile/gguf-py.json")
        return try JSONDecoder().decode(Recording.self, from: Data(contentsOf: url))
    }
}

extension RecordedFile.Key {
    init(key: String, _ value: MetadataValue) {
        let text =
            if let array = value.array { array.recordedTexts.joined(separator: "\n") } else {
                value.recordedText
            }
        self.init(key: key, type: value.typeName, hash: fnv1a(text.utf8))
    }
}

extension RecordedFile.Tensor {
    init(_ tensor: TensorDescription, in file: GGUFFile) {
        self.init(
            name: tensor.name, type: tensor.type.name, shape: tensor.shape, part: tensor.part,
            offset: tensor.byteRange.lowerBound, byteCount: tensor.byteCount,
            hash: fnv1a(file.bytes(of: tensor)))
    }
}

extension MetadataValue {
    fileprivate var recordedText: String {
        switch self {
        case .float32(let value): bits(Double(value))
        case .float64(let value): bits(value)
        case .string(let bytes): String(decoding: bytes, as: UTF8.self)
        default: description
        }
    }
}

extension MetadataArray {
    fileprivate var recordedTexts: [String] {
        switch self {
        case .float32(let values): values.map { bits(Double($0)) }
        case .float64(let values): values.map { bits($0) }
        case .bool(let values): values.map { "\($0)" }
        case .strings(let values): values.texts
        case .uint64(let values): values.map { "\($0)" }
        default: (integers ?? []).map { "\($0)" }
        }
    }
}

/// A double's bytes in memory order, in hexadecimal.
private func bits(_ value: Double) -> String {
    let digits = String(value.bitPattern.byteSwapped, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

/// The 64-bit FNV-1a hash, in decimal.
private func fnv1a(_ bytes: some Sequence<UInt8>) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return "\(hash)"
}
