// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import ModelFile

/// Turns the tensors of a file into matrices that kernels can multiply with, and notes which were taken.
final class WeightLoader {
    let file: GGUFFile
    let memory: Memory
    let isa: apus_isa
    /// Where matrices are, but for those that layers want packed.
    private let storage: WeightStorage
    private let packer: StripPacker
    private var unused: Set<String>
    /// Bytes of the matrices that are left in the file.
    private(set) var mappedBytes = 0
    /// Bytes of the largest strip that is packed for each use.
    private(set) var mappedStripBytes = 0

    init(
        file: GGUFFile, memory: Memory, isa: apus_isa, storage: WeightStorage, packer: StripPacker
    ) {
        self.file = file
        self.memory = memory
        self.isa = isa
        self.storage = storage
        self.packer = packer
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
        return try matrices(of: tensor, count: 1, rows: rows, width: width)[0]
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
        let type = type(of: tensor, storage)
        var linears: [Linear] = []
        var start = 0
        for rowCount in rows {
            let weight = try matrices(
                of: tensor, as: type, count: 1, firstRow: start, rows: rowCount, width: width)[0]
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

    /// Matrices [count, rows, width] of one tensor, experts' or heads'; packed in any case where `storage`
    /// says so.
    func matrices(
        _ name: String, count: Int, rows: Int, width: Int, storage: WeightStorage? = nil
    ) throws(ModelError) -> [Matrix] {
        let tensor = try take(name, shape: [count, rows, width])
        return try matrices(
            of: tensor, count: count, rows: rows, width: width, storage: storage)
    }

    /// Matrices of different heights that follow each other in one tensor of rows [Σ rows · count, width]:
    /// `count` times one of each height, or as many groups [count, Σ rows, width]. One array for each height.
    func stackedMatrices(
        _ name: String, count: Int, rows: [Int], width: Int, storage: WeightStorage? = nil
    ) throws(ModelError) -> [[Matrix]] {
        let period = rows.reduce(0, +)
        let isNested = file.tensor(name)?.shape.count == 3
        let tensor = try take(
            name, shape: isNested ? [count, period, width] : [count * period, width])
        let type = type(of: tensor, storage ?? self.storage)
        var stacks: [[Matrix]] = []
        var first = 0
        for rowCount in rows {
            var stack: [Matrix] = []
            for index in 0..<count {
                stack += try matrices(
                    of: tensor, as: type, count: 1, firstRow: index * period + first,
                    rows: rowCount, width: width, storage: storage)
            }
            stacks.append(stack)
            first += rowCount
        }
        return stacks
    }

    /// The transposes [width, rows] of `count` matrices [rows, width] in float32, which holds the values of
    /// every type, or in BF16 where that does: rows `i · period` on of the tensor, which another call has
    /// taken. They are packed in any case: files have them the other way.
    func transposedMatrices(
        _ name: String, count: Int, period: Int, rows: Int, width: Int
    ) throws(ModelError) -> [Matrix] {
        guard let tensor = file.tensor(name) else { throw .missingTensor(name) }
        let type = packer.packedType(of: tensor) == .bf16 ? TensorType.bf16 : .f32
        let strips = try packer.packTransposed(
            tensor, as: type, count: count, period: period, rows: rows, width: width)
        let stripBytes = Matrix.stripCount(rows: width) * apus_strip_bytes(type.rawValue, rows)
        return try matrices(
            of: type, name: name, count: count, rows: width, width: rows,
            scales: try scales(of: name, count: count)
        ) { .strips(strips + $0 * stripBytes) }
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

    /// The type in which a tensor's matrices are multiplied.
    private func type(of tensor: TensorDescription, _ storage: WeightStorage) -> TensorType {
        storage == .packed ? packer.packedType(of: tensor) : tensor.type
    }

    /// `count` matrices whose rows follow each other from row `firstRow` of the tensor on; `type` is what
    /// `type(of:_:)` says, where a tensor is taken in several calls.
    private func matrices(
        of tensor: TensorDescription, as type: TensorType? = nil, count: Int, firstRow: Int = 0,
        rows: Int, width: Int, storage: WeightStorage? = nil
    ) throws(ModelError) -> [Matrix] {
        let storage = storage ?? self.storage
        let type = type ?? self.type(of: tensor, storage)
        let scales = try scales(of: tensor.name, count: count)
        switch storage {
        case .packed:
            let strips = try packer.pack(
                tensor, as: type, count: count, firstRow: firstRow, rows: rows, width: width)
            let bytes = Matrix.stripCount(rows: rows) * apus_strip_bytes(type.rawValue, width)
            return try matrices(
                of: type, name: tensor.name, count: count, rows: rows, width: width,
                scales: scales
            ) { .strips(strips + $0 * bytes) }
        case .mapped:
            guard let base = file.bytes(of: tensor).baseAddress else {
                throw .missingTensor(tensor.name)
            }
            mappedBytes += count * rows * tensor.rowBytes
            mappedStripBytes = max(mappedStripBytes, apus_strip_bytes(type.rawValue, width))
            return try matrices(
                of: type, name: tensor.name, count: count, rows: rows, width: width,
                scales: scales
            ) {
                .rows(
                    base + (firstRow + $0 * rows) * tensor.rowBytes, rowBytes: tensor.rowBytes)
            }
        }
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
        of type: TensorType, name: String, count: Int, rows: Int, width: Int, scales: [Float],
        source: (_ index: Int) -> Matrix.Source
    ) throws(ModelError) -> [Matrix] {
        var matrices: [Matrix] = []
        matrices.reserveCapacity(count)
        for index in 0..<count {
            let matrix = Matrix(
                type: type, rowCount: rows, width: width, source: source(index),
                scale: scales.isEmpty ? 1 : scales[index], isa: isa)
            guard let matrix else { throw .unsupportedType(tensor: name, type: type.name) }
            matrices.append(matrix)
        }
        return matrices
    }
}
