// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import ModelFile
internal import Synchronization

/// Packs matrices of a file into strips on all threads, and says how far it has come.
final class StripPacker {
    /// Bytes of the file that are packed before their pages are given back, so that a large tensor is not in
    /// memory twice: 64 MB, a few milliseconds of every core.
    private static let packedAtATime = 64 << 20
    /// Values that are checked at a time: 1 MB, so that one that decides is found soon.
    private static let checkedAtATime = 1 << 18

    private let file: GGUFFile
    private let memory: Memory
    private let team: ThreadTeam
    /// Whether matrices are only given their places, to learn what they take.
    private let onlyMeasures: Bool
    private let report: (LoadingProgress) -> Void
    private let totalBytes: Int
    private var packedBytes = 0

    /// `report` is called after every 64 MB and every tensor, on the calling thread.
    init(
        file: GGUFFile, memory: Memory, team: ThreadTeam, onlyMeasures: Bool,
        report: @escaping (LoadingProgress) -> Void
    ) {
        self.file = file
        self.memory = memory
        self.team = team
        self.onlyMeasures = onlyMeasures
        self.report = report
        totalBytes = file.tensors.reduce(0) { $0 + $1.byteCount }
    }

    /// Says that nothing is left to do.
    func reportEnd() {
        guard !onlyMeasures else { return }
        report(LoadingProgress(loadedBytes: totalBytes, totalBytes: totalBytes))
    }

    /// The type in which a tensor's matrices are packed: BF16 for float32 values that all are BF16, as those
    /// of routers are. Their products are the same bits, of half the bytes.
    ///
    /// Values are not read to measure: then it is float32, the most that they can take.
    func packedType(of tensor: TensorDescription) -> TensorType {
        guard tensor.type == .f32, !onlyMeasures, let source = file.bytes(of: tensor).baseAddress
        else { return tensor.type }
        let count = tensor.elementCount
        let isBFloat = Atomic(true)
        team.forEach((count + Self.checkedAtATime - 1) / Self.checkedAtATime) { item, _ in
            guard isBFloat.load(ordering: .relaxed) else { return }
            var lowBits: UInt32 = 0
            let start = item * Self.checkedAtATime
            for index in start..<min(count, start + Self.checkedAtATime) {
                lowBits |= source.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
            }
            if lowBits & 0xFFFF != 0 { isBFloat.store(false, ordering: .relaxed) }
        }
        return isBFloat.load(ordering: .relaxed) ? .bf16 : .f32
    }

    /// The strips of `count` matrices [rows, width], whose rows follow each other from row `firstRow` of the
    /// tensor on, one matrix's strips after the other's.
    func pack(
        _ tensor: TensorDescription, as type: TensorType, count: Int, firstRow: Int, rows: Int,
        width: Int
    ) throws(ModelError) -> UnsafeRawPointer {
        let strips = Matrix.stripCount(rows: rows)
        let stripBytes = apus_strip_bytes(type.rawValue, width)
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
                let rowCount = min(16, rows - item % strips * 16)
                let from = source + firstSourceRow(item) * tensor.rowBytes
                let target = packed + item * stripBytes
                if type == tensor.type {
                    apus_pack_strip(
                        type.rawValue, from, tensor.rowBytes, rowCount, width, target)
                } else {
                    Self.packFloats(from, as: type, rowCount: rowCount, width: width, into: target)
                }
            }
            let endRow = end < itemCount ? firstSourceRow(end) : firstRow + count * rows
            file.discardPages(of: tensor, rows: firstSourceRow(start)..<endRow)
            packedBytes += (endRow - firstSourceRow(start)) * tensor.rowBytes
            report(LoadingProgress(loadedBytes: packedBytes, totalBytes: totalBytes))
        }
        return UnsafeRawPointer(packed)
    }

    /// The strips of the transposes [width, rows] of `count` matrices [rows, width], in float32 or, where
    /// `type` says that all values are BF16, in that: rows `i · period` on of the tensor.
    func packTransposed(
        _ tensor: TensorDescription, as type: TensorType, count: Int, period: Int, rows: Int,
        width: Int
    ) throws(ModelError) -> UnsafeRawPointer {
        guard let source = file.bytes(of: tensor).baseAddress else {
            throw .missingTensor(tensor.name)
        }
        let strips = Matrix.stripCount(rows: width)
        let stripBytes = apus_strip_bytes(type.rawValue, rows)
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
                    Self.packFloats(
                        transposed + strip * 16 * rows, as: type,
                        rowCount: min(16, width - strip * 16), width: rows,
                        into: packed + (index * strips + strip) * stripBytes)
                }
            }
        }
        if !onlyMeasures { file.discardPages(of: tensor) }
        return UnsafeRawPointer(packed)
    }

    /// Packs float32 rows [rowCount, width] as they are, or the upper halves of their values as BF16.
    private static func packFloats(
        _ rows: UnsafeRawPointer, as type: TensorType, rowCount: Int, width: Int,
        into strip: UnsafeMutableRawPointer
    ) {
        guard type == .bf16 else {
            apus_pack_strip(type.rawValue, rows, width * 4, rowCount, width, strip)
            return
        }
        withUnsafeTemporaryAllocation(of: UInt16.self, capacity: rowCount * width) { halves in
            for index in 0..<rowCount * width {
                let bits = rows.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
                halves.initializeElement(at: index, to: UInt16(bits >> 16))
            }
            apus_pack_strip(type.rawValue, halves.baseAddress, width * 2, rowCount, width, strip)
        }
    }

    /// Where matrices are packed to, or would be.
    private func place(byteCount: Int) throws(ModelError) -> UnsafeMutableRawPointer {
        onlyMeasures
            ? try memory.reserve(byteCount: byteCount) : try memory.allocate(byteCount: byteCount)
    }
}
