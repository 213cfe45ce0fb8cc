// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import ModelFile

/// Rows of the embedding table [V, H], unpacked from the mapped file when a token asks for one.
struct TokenEmbedding {
    let file: GGUFFile
    let table: TensorDescription
    /// Multiplies every row.
    var scale: Float = 1

    var vocabularySize: Int { table.rowCount }

    /// hidden[row] = scale · table[token] of every row.
    func apply(_ step: Step) {
        guard let base = file.bytes(of: table).baseAddress else { return }
        let count = step.rowCount
        step.countRead(count * table.rowBytes)
        step.team.forEach(step.chunkCount(count)) { chunk, _ in
            for row in step.rows(ofChunk: chunk, count: count) {
                let token = Int(step.tokens[row])
                precondition(token >= 0 && token < vocabularySize, "no such token")
                apus_dequantize(
                    table.type.rawValue, base + token * table.rowBytes, step.hidden[row],
                    table.rowLength)
                guard scale != 1 else { continue }
                for index in 0..<table.rowLength { step.hidden[row][index] *= scale }
            }
        }
    }
}
