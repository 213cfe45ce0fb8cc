// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import ModelFile

/// Turns the tensors of a file into matrices in the kernels' layout, and notes which were taken.
final class WeightLoader {
    let file: GGUFFile
    let memory: Memory
    let isa: apus_isa
    private let team: ThreadTeam
    /// Bytes of the file that are packed before their pages are given back, so that a large tensor is not in
    /// memory twice: 64 MB, a few milliseconds of every core.
    private static let packedAtATime = 64 << 20
    /// Whether matrices are only given their places, to learn what they take.
    private let onlyMeasures: Bool
    private var unused: Set<String>

    init(
        file: GGUFFile, memory: Memory, isa: apus_isa, team: ThreadTeam, onlyMeasures: Bool = false
    ) {
        self.onlyMeasures = onlyMeasures
        self.file = file
        self.memory = memory
        self.isa = isa
        self.team = team
        unused = Set(file.tensors.map(\.name))
    }

    /// Fails when the file holds a tensor that nobody asked for.
    func checkAllUsed() throws(ModelError) {
        if let name = unused.sorted().first { throw .unusedTensor(name) }
    }

    /// Whether the file has a tensor of this name.
    func contains(_ name: String) -> Bool { file.tensor(name) != nil }

    /// A weight matrix [rows, width].
    func matrix(_ name: String, rows: Int, width: Int) throws(ModelError) -> Matrix {
        let tensor = try take(name, shape: [rows, width])
        return try pack(tensor, count: 1, rows: rows, width: width)[0]
    }

    /// Linear maps of one input, each with its bias, all biases or none; one tensor of all maps' rows
    /// where the file has `fused`.
    func linears(
        _ names: [String], fused: String, rows: [Int], width: Int
    ) throws(ModelError) -> [Linear] {
        if contains(fused + ".weight") {
            return try fusedLinears(fused, rows: rows, width: width)
        }
        let hasBias = names.contains { contains($0 + ".bias") }
        var linears: [Linear] = []
        for (name, rowCount) in zip(names, rows) {
            linears.append(
                Linear(
                    weight: try matrix(name + ".weight", rows: rowCount, width: width),
                    bias: hasBias ? try vector(name + ".bias", count: rowCount) : nil))
        }
        return linears
    }

    private func fusedLinears(
        _ name: String, rows: [Int], width: Int
    ) throws(ModelError) -> [Linear] {
        let total = rows.reduce(0, +)
        let tensor = try take(name + ".weight", shape: [total, width])
        let bias = contains(name + ".bias") ? try vector(name + ".bias", count: total) : nil
        var linears: [Linear] = []
        var start = 0
        for rowCount in rows {
            let weight = try pack(
                tensor, count: 1, firstRow: start, rows: rowCount, width: width)[0]
            linears.append(
                Linear(weight: weight, bias: try padded(bias, from: start, count: rowCount)))
            start += rowCount
        }
        return linears
    }

    /// A copy of `count` values with zeros up to a multiple of 16.
    private func padded(
        _ values: UnsafePointer<Float>?, from start: Int, count: Int
    ) throws(ModelError) -> UnsafePointer<Float>? {
        guard let values else { return nil }
        let copy = try memory.allocate(Float.self, count: (count + 15) / 16 * 16)
        copy.update(from: values + start, count: count)
        return UnsafePointer(copy)
    }

    /// The experts' matrices [count, rows, width], one each.
    func matrices(_ name: String, count: Int, rows: Int, width: Int) throws(ModelError) -> [Matrix]
    {
        let tensor = try take(name, shape: [count, rows, width])
        return try pack(tensor, count: count, rows: rows, width: width)
    }

    /// Matrices of different heights that follow each other in one tensor of rows [Σ rows · count, width]:
    /// `count` times one of each height, or as many groups [count, Σ rows, width]. One array for each height.
    func stackedMatrices(
        _ name: String, count: Int, rows: [Int], width: Int
    ) throws(ModelError) -> [[Matrix]] {
        let period = rows.reduce(0, +)
        let isNested = file.tensor(name)?.shape.count == 3
        let tensor = try take(
            name, shape: isNested ? [count, period, width] : [count * period, width])
        var stacks: [[Matrix]] = []
        var first = 0
        for rowCount in rows {
            var matrices: [Matrix] = []
            for index in 0..<count {
                matrices += try pack(
                    tensor, count: 1, firstRow: index * period + first, rows: rowCount,
                    width: width)
            }
            stacks.append(matrices)
            first += rowCount
        }
        return stacks
    }

    /// The transposes [width, rows] of `count` matrices [rows, width] in float32, which holds the values of
    /// every type: rows `i · period` on of the tensor, which another call has taken.
    func transposedMatrices(
        _ name: String, count: Int, period: Int, rows: Int, width: Int
    ) throws(ModelError) -> [Matrix] {
        guard let tensor = file.tensor(name) else { throw .missingTensor(name) }
        guard let source = file.bytes(of: tensor).baseAddress else {
            throw .missingTensor(name)
        }
        let strips = Matrix.stripCount(rows: width)
        let stripBytes = apus_strip_bytes(TensorType.f32.rawValue, rows)
        let packed = try place(byteCount: count * strips * stripBytes)
        team.forEach(onlyMeasures ? 0 : count) { index, _ in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * rows * width) { values in
                guard let values = values.baseAddress else { return }
                let transposed = values + rows * width
                apus_dequantize(
                    tensor.type.rawValue, source + index * period * tensor.rowBytes,
                    values, rows * width)
                for row in 0..<rows {
                    for column in 0..<width {
                        transposed[column * rows + row] = values[row * width + column]
                    }
                }
                for strip in 0..<strips {
                    apus_pack_strip(
                        TensorType.f32.rawValue, transposed + strip * 16 * rows,
                        rows * MemoryLayout<Float>.stride, min(16, width - strip * 16), rows,
                        packed + (index * strips + strip) * stripBytes)
                }
            }
        }
        if !onlyMeasures { file.discardPages(of: tensor) }
        return try matrices(
            of: .f32, name: name, count: count, rows: width, width: rows, strips: packed,
            scales: try scales(of: name, count: count))
    }

    /// A linear map, with its bias where the file has `bias`.
    func linear(_ name: String, rows: Int, width: Int) throws(ModelError) -> Linear {
        let weight = try matrix(name + ".weight", rows: rows, width: width)
        let bias: UnsafePointer<Float>? =
            contains(name + ".bias") ? try vector(name + ".bias", count: rows) : nil
        return Linear(weight: weight, bias: bias)
    }

    /// A float32 vector [count], padded with zeros to a multiple of 16.
    func vector(_ name: String, count: Int) throws(ModelError) -> UnsafePointer<Float> {
        let tensor = try take(name, shape: [count])
        let values = try memory.allocate(Float.self, count: (count + 15) / 16 * 16)
        if let blocks = file.bytes(of: tensor).baseAddress {
            apus_dequantize(tensor.type.rawValue, blocks, values, count)
        }
        return UnsafePointer(values)
    }

    /// The rows of a float32 matrix [count, width], each padded with zeros to a multiple of 16.
    func vectors(
        _ name: String, count: Int, width: Int
    ) throws(ModelError) -> [UnsafePointer<Float>] {
        let tensor = try take(name, shape: [count, width])
        guard let source = file.bytes(of: tensor).baseAddress else { throw .missingTensor(name) }
        var vectors: [UnsafePointer<Float>] = []
        for index in 0..<count {
            let values = try memory.allocate(Float.self, count: (width + 15) / 16 * 16)
            apus_dequantize(
                tensor.type.rawValue, source + index * tensor.rowBytes, values, width)
            vectors.append(UnsafePointer(values))
        }
        return vectors
    }

    /// A layer norm's weight and bias [width].
    func layerNorm(_ name: String, width: Int, epsilon: Float) throws(ModelError) -> LayerNorm {
        LayerNorm(
            weight: try vector(name + ".weight", count: width),
            bias: try vector(name + ".bias", count: width), width: width, epsilon: epsilon)
    }

    /// An RMS norm without a weight.
    func unweightedNorm(width: Int, epsilon: Float) throws(ModelError) -> RMSNorm {
        let ones = try memory.allocate(Float.self, count: (width + 15) / 16 * 16)
        ones.update(repeating: 1, count: width)
        return RMSNorm(weight: UnsafePointer(ones), width: width, epsilon: epsilon)
    }

    /// A tensor that is kept in the file, where it is for later: checked, neither packed nor read.
    func keep(_ name: String, shape: [Int]) throws(ModelError) -> TensorDescription {
        try take(name, shape: shape)
    }

    /// An RMS norm's weight [width].
    func norm(_ name: String, width: Int, epsilon: Float) throws(ModelError) -> RMSNorm {
        RMSNorm(weight: try vector(name, count: width), width: width, epsilon: epsilon)
    }

    /// The embedding table [V, H], left in the file.
    func embedding(_ name: String, hiddenSize: Int) throws(ModelError) -> TokenEmbedding {
        guard let tensor = file.tensor(name) else { throw .missingTensor(name) }
        let rows = tensor.shape.count > 1 ? tensor.shape[0] : 1
        let table = try take(name, shape: [rows, hiddenSize])
        return TokenEmbedding(
            file: file, table: table, scale: try scales(of: name, count: 1).first ?? 1)
    }

    private func take(_ name: String, shape: [Int]) throws(ModelError) -> TensorDescription {
        guard let tensor = file.tensor(name) else { throw .missingTensor(name) }
        // Writers drop outer dimensions of 1, a [1, H] gate is stored as [H], or keep them.
        let dropped = max(0, tensor.shape.count - shape.count)
        let found =
            Array(repeating: 1, count: max(0, shape.count - tensor.shape.count))
            + tensor.shape[(tensor.shape.prefix(dropped).allSatisfy { $0 == 1 } ? dropped : 0)...]
        guard found == shape else {
            throw .wrongShape(tensor: name, wanted: shape, found: tensor.shape)
        }
        guard apus_traits(tensor.type.rawValue) != nil else {
            throw .unsupportedType(tensor: name, type: tensor.type.name)
        }
        unused.remove(name)
        return tensor
    }

    /// Where matrices are packed to, or would be.
    private func place(byteCount: Int) throws(ModelError) -> UnsafeMutableRawPointer {
        onlyMeasures
            ? try memory.reserve(byteCount: byteCount) : try memory.allocate(byteCount: byteCount)
    }

    private func pack(
        _ tensor: TensorDescription, count: Int, firstRow: Int = 0, rows: Int, width: Int
    ) throws(ModelError) -> [Matrix] {
        let type = tensor.type.rawValue
        let strips = Matrix.stripCount(rows: rows)
        let stripBytes = apus_strip_bytes(type, width)
        let packed = try place(byteCount: count * strips * stripBytes)
        guard let source = file.bytes(of: tensor).baseAddress else {
            throw .missingTensor(tensor.name)
        }
        func firstSourceRow(_ item: Int) -> Int {
            firstRow + item / strips * rows + item % strips * 16
        }
        let itemCount = onlyMeasures ? 0 : count * strips
        let batch = max(1, Self.packedAtATime / (16 * tensor.rowBytes))
        for start in stride(from: 0, to: itemCount, by: batch) {
            let end = min(itemCount, start + batch)
            team.forEach(end - start) { index, _ in
                let item = start + index
                apus_pack_strip(
                    type, source + firstSourceRow(item) * tensor.rowBytes, tensor.rowBytes,
                    min(16, rows - item % strips * 16), width, packed + item * stripBytes)
            }
            let endRow = end < itemCount ? firstSourceRow(end) : firstRow + count * rows
            file.discardPages(of: tensor, rows: firstSourceRow(start)..<endRow)
        }
        return try matrices(
            of: tensor.type, name: tensor.name, count: count, rows: rows, width: width,
            strips: packed, scales: try scales(of: tensor.name, count: count))
    }

    /// What each of `count` matrices of a tensor is multiplied by: `<name>.scale` beside `<name>.weight`, as
    /// NVFP4 files have it, one for each or one for all; 1 where there is none.
    private func scales(of name: String, count: Int) throws(ModelError) -> [Float] {
        guard name.hasSuffix(".weight") else { return [] }
        let stem = name.dropLast(".weight".count)
        // For activations of four bits, which no kernel here takes.
        if let unused = file.tensor(stem + ".input_scale") {
            _ = try keep(unused.name, shape: unused.shape)
        }
        guard let tensor = file.tensor(stem + ".scale") else { return [] }
        let isForAll = tensor.elementCount == 1
        let values = try vector(stem + ".scale", count: isForAll ? 1 : count)
        return (0..<count).map { values[isForAll ? 0 : $0] }
    }

    private func matrices(
        of type: TensorType, name: String, count: Int, rows: Int, width: Int,
        strips packed: UnsafeMutableRawPointer, scales: [Float] = []
    ) throws(ModelError) -> [Matrix] {
        let bytes = Matrix.stripCount(rows: rows) * apus_strip_bytes(type.rawValue, width)
        var matrices: [Matrix] = []
        matrices.reserveCapacity(count)
        for index in 0..<count {
            let matrix = Matrix(
                type: type, rowCount: rows, width: width, strips: packed + index * bytes,
                scale: scales.isEmpty ? 1 : scales[index], isa: isa)
            guard let matrix else { throw .unsupportedType(tensor: name, type: type.name) }
            matrices.append(matrix)
        }
        return matrices
    }
}
