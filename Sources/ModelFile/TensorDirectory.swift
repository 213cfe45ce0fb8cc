// SPDX-License-Identifier: Apache-2.0

/// The tensor directory of a GGUF file while it is being read.
///
/// Offsets count from the end of the header, which is known only after the last entry; hence first
/// `appendEntry` for each, then `located` for all.
struct TensorDirectory {
    private(set) var indices: [String: Int] = [:]
    private var entries: [Entry] = []

    private struct Entry {
        let name: String
        let type: TensorType
        let shape: [Int]
        let size: Size
        let offset: UInt64
        /// Where the directory states the offset, for errors.
        let statedAt: Int
    }

    private struct Size {
        let elementCount: Int
        let rowBytes: Int
        let byteCount: Int
    }

    /// Reads the next entry: name, dimensions innermost first, type, offset.
    mutating func appendEntry(from reader: inout GGUFReader) throws(ModelFileError) {
        let start = reader.offset
        let name = try reader.text("a tensor name", maxBytes: GGUFLimits.maxTensorNameBytes)
        guard indices.updateValue(entries.count, forKey: name) == nil else {
            throw reader.failure(.duplicateTensor(name), at: start)
        }
        let shape = try TensorDirectory.shape(of: name, from: &reader)
        let typeOffset = reader.offset
        let typeNumber = try reader.integer("a tensor type", as: UInt32.self)
        guard let type = TensorType(rawValue: typeNumber) else {
            throw reader.failure(
                .unknownTensorType(tensor: name, found: typeNumber), at: typeOffset)
        }
        let size = try TensorDirectory.size(of: name, type, shape, reader, at: typeOffset)
        let statedAt = reader.offset
        let offset = try reader.integer("a tensor offset", as: UInt64.self)
        entries.append(
            Entry(
                name: name, type: type, shape: shape, size: size, offset: offset,
                statedAt: statedAt))
    }

    /// The tensors in file order, each proved to lie within the file and apart from the others.
    func located(
        headerBytes: Int, alignment: Int, fileBytes: Int, path: String, part: Int
    ) throws(ModelFileError) -> [TensorDescription] {
        let dataStart = (headerBytes + alignment - 1) & ~(alignment - 1)  // both under 2^33
        var tensors: [TensorDescription] = []
        tensors.reserveCapacity(entries.count)
        for entry in entries {
            let range = try TensorDirectory.byteRange(
                of: entry, dataStart: dataStart, alignment: alignment, fileBytes: fileBytes,
                path: path)
            tensors.append(
                TensorDescription(
                    name: entry.name, type: entry.type, shape: entry.shape, part: part,
                    byteRange: range, elementCount: entry.size.elementCount,
                    rowBytes: entry.size.rowBytes))
        }
        try requireApart(tensors, path: path)
        return tensors
    }

    private static func shape(
        of name: String, from reader: inout GGUFReader
    ) throws(ModelFileError) -> [Int] {
        let start = reader.offset
        let dimensionCount = try reader.integer("a dimension count", as: UInt32.self)
        guard dimensionCount <= GGUFLimits.maxDimensionCount else {
            let defect = GGUFDefect.badDimensionCount(tensor: name, found: dimensionCount)
            throw reader.failure(defect, at: start)
        }
        var shape: [Int] = []
        for _ in 0..<dimensionCount {
            let start = reader.offset
            let found = try reader.integer("a dimension", as: UInt64.self)
            guard let dimension = Int(exactly: found),
                (1...GGUFLimits.maxDimension).contains(dimension)
            else {
                throw reader.failure(.badDimension(tensor: name, found: found), at: start)
            }
            shape.append(dimension)
        }
        return shape.isEmpty ? [1] : shape.reversed()  // a scalar is a row of one
    }

    private static func size(
        of name: String, _ type: TensorType, _ shape: [Int], _ reader: GGUFReader, at offset: Int
    ) throws(ModelFileError) -> Size {
        let rowLength = shape.last ?? 1
        guard rowLength % type.blockLength == 0 else {
            let defect = GGUFDefect.partialBlock(tensor: name, rowLength: rowLength, type: type)
            throw reader.failure(defect, at: offset)
        }
        let rowBytes = rowLength / type.blockLength * type.blockBytes  // under 2^31 * 8
        guard let elementCount = product(of: shape),
            let byteCount = product(of: shape.dropLast() + [rowBytes])
        else {
            throw reader.failure(.sizeOverflow(tensor: name), at: offset)
        }
        return Size(elementCount: elementCount, rowBytes: rowBytes, byteCount: byteCount)
    }

    private static func product(of factors: [Int]) -> Int? {
        var product = 1
        for factor in factors {
            let (next, didOverflow) = product.multipliedReportingOverflow(by: factor)
            guard !didOverflow else { return nil }
            product = next
        }
        return product
    }

    private static func byteRange(
        of entry: Entry, dataStart: Int, alignment: Int, fileBytes: Int, path: String
    ) throws(ModelFileError) -> Range<Int> {
        guard entry.offset % UInt64(alignment) == 0 else {
            let defect = GGUFDefect.misalignedTensor(
                entry.name, offset: entry.offset, alignment: alignment)
            throw .malformed(path: path, offset: entry.statedAt, defect)
        }
        let byteCount = entry.size.byteCount
        let dataBytes = fileBytes - dataStart  // negative when the file ends with its header
        guard byteCount <= dataBytes, entry.offset <= UInt64(dataBytes - byteCount) else {
            let defect = GGUFDefect.tensorOutOfRange(
                entry.name, start: entry.offset, byteCount: byteCount, foundBytes: fileBytes)
            throw .malformed(path: path, offset: entry.statedAt, defect)
        }
        let start = dataStart + Int(entry.offset)
        return start..<(start + byteCount)
    }

    private func requireApart(
        _ tensors: [TensorDescription], path: String
    ) throws(ModelFileError) {
        let order = tensors.indices.sorted {
            tensors[$0].byteRange.lowerBound < tensors[$1].byteRange.lowerBound
        }
        for (first, second) in zip(order, order.dropFirst())
        where tensors[first].byteRange.overlaps(tensors[second].byteRange) {
            let defect = GGUFDefect.overlappingTensors(tensors[first].name, tensors[second].name)
            throw .malformed(path: path, offset: entries[second].statedAt, defect)
        }
    }
}
