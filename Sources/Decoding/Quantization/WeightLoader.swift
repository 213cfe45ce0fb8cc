// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import ModelFile

/// Turns the tensors of a file into matrices in the kernels' layout, and notes which were taken.
final class WeightLoader {
    let file: GGUFFile
    let memory: Memory
    let isa: apus_isa
    private let team: ThreadTeam
    private var unused: Set<String>

    init(file: GGUFFile, memory: Memory, isa: apus_isa, team: ThreadTeam) {
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

    /// The experts' matrices [count, rows, width], one each.
    func matrices(_ name: String, count: Int, rows: Int, width: Int) throws(ModelError) -> [Matrix] {
        let tensor = try take(name, shape: [count, rows, width])
        return try pack(tensor, count: count, rows: rows, width: width)
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

    /// An RMS norm's weight [width].
    func norm(_ name: String, width: Int, epsilon: Float) throws(ModelError) -> RMSNorm {
        RMSNorm(weight: try vector(name, count: width), width: width, epsilon: epsilon)
    }

    /// The embedding table [V, H], left in the file.
    func embedding(_ name: String, hiddenSize: Int) throws(ModelError) -> TokenEmbedding {
        guard let tensor = file.tensor(name) else { throw .missingTensor(name) }
        let rows = tensor.shape.first ?? 0
        return TokenEmbedding(file: file, table: try take(name, shape: [rows, hiddenSize]))
    }

    private func take(_ name: String, shape: [Int]) throws(ModelError) -> TensorDescription {
        guard let tensor = file.tensor(name) else { throw .missingTensor(name) }
        // Writers drop outer dimensions of 1: a [1, H] gate is stored as [H].
        let found = Array(repeating: 1, count: max(0, shape.count - tensor.shape.count)) + tensor.shape
        guard found == shape else {
            throw .wrongShape(tensor: name, wanted: shape, found: tensor.shape)
        }
        guard apus_traits(tensor.type.rawValue) != nil else {
            throw .unsupportedType(tensor: name, type: tensor.type.name)
        }
        unused.remove(name)
        return tensor
    }

    private func pack(
        _ tensor: TensorDescription, count: Int, rows: Int, width: Int
    ) throws(ModelError) -> [Matrix] {
        let type = tensor.type.rawValue
        let strips = Matrix.stripCount(rows: rows)
        let stripBytes = apus_strip_bytes(type, width)
        let packed = try memory.allocate(byteCount: count * strips * stripBytes)
        guard let source = file.bytes(of: tensor).baseAddress else {
            throw .missingTensor(tensor.name)
        }
        team.forEach(count * strips) { item, _ in
            let firstRow = item / strips * rows + item % strips * 16
            apus_pack_strip(
                type, source + firstRow * tensor.rowBytes, tensor.rowBytes,
                min(16, rows - item % strips * 16), width, packed + item * stripBytes)
        }
        file.discardPages(of: tensor)
        var matrices: [Matrix] = []
        matrices.reserveCapacity(count)
        for index in 0..<count {
            let matrix = Matrix(
                type: tensor.type, rowCount: rows, width: width,
                strips: packed + index * strips * stripBytes, isa: isa)
            guard let matrix else {
                throw .unsupportedType(tensor: tensor.name, type: tensor.type.name)
            }
            matrices.append(matrix)
        }
        return matrices
    }
}
