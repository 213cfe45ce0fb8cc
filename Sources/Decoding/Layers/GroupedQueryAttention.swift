// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// Causal attention in which several query heads share a key-value head (Ainslie et al. 2023).
struct GroupedQueryAttention {
    /// Where queries and keys are normalised before they turn.
    enum Normalization {
        case none
        /// Each head for itself (Qwen3).
        case perHead(query: RMSNorm, key: RMSNorm)
        /// All heads together (OLMoE).
        case acrossHeads(query: RMSNorm, key: RMSNorm)
    }

    let layer: Int
    let queryHeadCount: Int
    let kvHeadCount: Int
    let headDimension: Int
    /// Query, key and value projections.
    let projections: LinearGroup
    let normalization: Normalization
    let rotary: RotaryEmbedding
    let output: Linear

    private var queriesPerKV: Int { queryHeadCount / kvHeadCount }
    /// Query heads that one work item takes of a group.
    private var headsPerItem: Int { min(queriesPerKV, Int(APUS_ATTENTION_QUERIES)) }

    func reserve(in shape: inout WorkspaceShape) {
        shape.projectionWidth = max(shape.projectionWidth, projections.width)
        shape.attendedWidth = max(shape.attendedWidth, queryHeadCount * headDimension)
        shape.valueDimension = max(shape.valueDimension, headDimension)
        shape.rotaryPairs = max(shape.rotaryPairs, rotary.pairCount)
        let matrices = projections.parts.map(\.weight) + [output.weight]
        shape.quantizes = shape.quantizes || matrices.contains(where: \.takesQuantizedColumns)
    }

    /// hidden += attention(normed).
    func apply(_ step: Step) {
        let count = step.rowCount
        projections.apply(step.normed, into: step.projections, count: count, step)
        step.withBlockTables { tables in
            appendKeysAndValues(step, tables)
            attend(step, tables)
        }
        step.quantize(step.attended, count: count)
        output.add(step.attended, to: step.hidden, count: count, step)
    }

    private func appendKeysAndValues(_ step: Step, _ tables: UnsafePointer<Int32>) {
        let count = step.rowCount
        step.team.forEach(step.chunkCount(count)) { chunk, _ in
            for row in step.rows(ofChunk: chunk, count: count) {
                let queries = step.projections[row] + projections.columns[0]
                let keys = step.projections[row] + projections.columns[1]
                let values = step.projections[row] + projections.columns[2]
                normalize(queries, keys, step)
                for head in 0..<queryHeadCount {
                    rotary.rotate(queries + head * headDimension, row: row, step)
                }
                let slice = step.slices[Int(step.sliceOfRow[row])]
                for head in 0..<kvHeadCount {
                    rotary.rotate(keys + head * headDimension, row: row, step)
                    step.kv.append(
                        layer: layer, head: head, blockTable: tables + slice.tableOffset,
                        position: Int(step.positions[row]), key: keys + head * headDimension,
                        value: values + head * headDimension)
                }
            }
        }
    }

    private func normalize(
        _ queries: UnsafeMutablePointer<Float>, _ keys: UnsafeMutablePointer<Float>, _ step: Step
    ) {
        switch normalization {
        case .none:
            break
        case .perHead(let query, let key):
            for head in 0..<queryHeadCount {
                query.apply(
                    queries + head * headDimension, into: queries + head * headDimension, step)
            }
            for head in 0..<kvHeadCount {
                key.apply(keys + head * headDimension, into: keys + head * headDimension, step)
            }
        case .acrossHeads(let query, let key):
            query.apply(queries, into: queries, step)
            key.apply(keys, into: keys, step)
        }
    }

    /// One work item: a tile of rows × the query heads of one key-value head, at most 16 queries.
    private func attend(_ step: Step, _ tables: UnsafePointer<Int32>) {
        step.tileAttention(maxRowCount: max(1, Int(APUS_ATTENTION_QUERIES) / headsPerItem))
        let partsPerGroup = (queriesPerKV + headsPerItem - 1) / headsPerItem
        let itemsPerTile = kvHeadCount * partsPerGroup
        let scale = 1 / Float(headDimension).squareRoot()
        step.team.forEach(step.attentionTiles.count * itemsPerTile) { item, worker in
            // The last tiles have the longest contexts: they go first.
            let tile = step.attentionTiles[step.attentionTiles.count - 1 - item / itemsPerTile]
            let kvHead = item % itemsPerTile / partsPerGroup
            let firstInGroup = item % partsPerGroup * headsPerItem
            let firstHead = kvHead * queriesPerKV + firstInGroup
            let heads = firstHead..<firstHead + min(headsPerItem, queriesPerKV - firstInGroup)
            var view = step.kv.view(
                layer: layer, head: kvHead,
                blockTable: tables + step.slices[tile.slice].tableOffset, scale: scale)
            attend(tile, heads: heads, &view, step, step.workers[worker])
        }
    }

    private func attend(
        _ tile: Step.AttentionTile, heads: Range<Int>, _ view: inout apus_kv_view, _ step: Step,
        _ scratch: WorkerScratch
    ) {
        withUnsafeTemporaryAllocation(
            of: UnsafePointer<Float>.self, capacity: Int(APUS_ATTENTION_QUERIES)
        ) { queries in
            withUnsafeTemporaryAllocation(
                of: UnsafeMutablePointer<Float>.self, capacity: Int(APUS_ATTENTION_QUERIES)
            ) { outputs in
                withUnsafeTemporaryAllocation(
                    of: Int32.self, capacity: Int(APUS_ATTENTION_QUERIES)
                ) { lastPositions in
                    var count = 0
                    for row in tile.firstRow..<tile.firstRow + tile.rowCount {
                        for head in heads {
                            let query = step.projections[row] + projections.columns[0]
                            queries.initializeElement(
                                at: count, to: UnsafePointer(query + head * headDimension))
                            outputs.initializeElement(
                                at: count, to: step.attended.rows[row] + head * headDimension)
                            lastPositions.initializeElement(at: count, to: step.positions[row])
                            count += 1
                        }
                    }
                    if let queries = queries.baseAddress, let outputs = outputs.baseAddress,
                        let lastPositions = lastPositions.baseAddress
                    {
                        step.kv.attend(
                            &view, queries, lastPositions, count, outputs, scratch.attention)
                    }
                }
            }
        }
    }
}
