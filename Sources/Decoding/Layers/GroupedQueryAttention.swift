// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// Causal attention in which several query heads share a key-value head (Ainslie et al. 2023).
struct GroupedQueryAttention {
    /// Where queries and keys are normalised, and whether before they turn or after.
    enum Normalization {
        case none
        /// Each head for itself (Qwen3).
        case perHead(query: RMSNorm, key: RMSNorm)
        /// Each head for itself, after it turned (Hunyuan, Llama 4).
        case perHeadAfterRotation(query: RMSNorm, key: RMSNorm)
        /// All heads together (OLMoE).
        case acrossHeads(query: RMSNorm, key: RMSNorm)
    }

    let place: KVShape.Place
    let span: AttentionSpan
    let queryHeadCount: Int
    let kvHeadCount: Int
    let headDimension: Int
    /// Multiplies query · key.
    let scale: Float
    /// Query, key and value projections.
    let projections: LinearGroup
    let normalization: Normalization
    /// Absent where order does not enter (NoPE).
    let rotary: RotaryEmbedding?
    let temperature: QueryTemperature?
    /// A score of each query head that takes weight and gives no value [Q] (gpt-oss).
    let sinks: UnsafePointer<Float>?
    let output: Linear

    private var queriesPerKV: Int { queryHeadCount / kvHeadCount }
    /// Query heads that one work item takes of a group.
    private var headsPerItem: Int { min(queriesPerKV, Int(APUS_ATTENTION_QUERIES)) }

    func reserve(in shape: inout WorkspaceShape) {
        shape.projectionWidth = max(shape.projectionWidth, projections.width)
        shape.attendedWidth = max(shape.attendedWidth, queryHeadCount * headDimension)
        shape.keyDimension = max(shape.keyDimension, headDimension)
        shape.valueDimension = max(shape.valueDimension, headDimension)
        rotary?.reserve(in: &shape)
        let matrices = projections.parts.map(\.weight) + [output.weight]
        shape.quantizes = shape.quantizes || matrices.contains(where: \.takesQuantizedColumns)
    }

    /// output += attention(normed).
    func add(_ step: Step, to output: Rows) {
        let count = step.rowCount
        projections.apply(step.normed, into: step.projections, count: count, step)
        step.withBlockTables { tables in
            appendKeysAndValues(step, tables)
            attend(step, tables)
        }
        step.quantize(step.attended, count: count)
        self.output.add(step.attended, to: output, count: count, step)
    }

    private func appendKeysAndValues(_ step: Step, _ tables: Step.BlockTables) {
        let count = step.rowCount
        step.team.forEach(step.chunkCount(count)) { chunk, _ in
            for row in step.rows(ofChunk: chunk, count: count) {
                let queries = step.projections[row] + projections.columns[0]
                let keys = step.projections[row] + projections.columns[1]
                let values = step.projections[row] + projections.columns[2]
                turn(queries, keys, row: row, step)
                let table = tables.table(
                    of: step.slices[Int(step.sliceOfRow[row])], group: place.group)
                for head in 0..<kvHeadCount {
                    step.kv.append(
                        place, head: head, blockTable: table,
                        position: Int(step.positions[row]), key: keys + head * headDimension,
                        value: values + head * headDimension)
                }
            }
        }
    }

    /// Normalises and rotates the queries and keys of one row.
    private func turn(
        _ queries: UnsafeMutablePointer<Float>, _ keys: UnsafeMutablePointer<Float>, row: Int,
        _ step: Step
    ) {
        switch normalization {
        case .none, .perHeadAfterRotation:
            break
        case .perHead(let query, let key):
            query.apply(toHeads: queryHeadCount, of: queries, step)
            key.apply(toHeads: kvHeadCount, of: keys, step)
        case .acrossHeads(let query, let key):
            query.apply(queries, into: queries, step)
            key.apply(keys, into: keys, step)
        }
        if let rotary {
            for head in 0..<queryHeadCount {
                rotary.rotate(queries + head * headDimension, row: row, step)
            }
            for head in 0..<kvHeadCount {
                rotary.rotate(keys + head * headDimension, row: row, step)
            }
        }
        if case .perHeadAfterRotation(let query, let key) = normalization {
            query.apply(toHeads: queryHeadCount, of: queries, step)
            key.apply(toHeads: kvHeadCount, of: keys, step)
        }
        if let temperature {
            let factor = temperature.factor(at: Int(step.positions[row]))
            for index in 0..<queryHeadCount * headDimension { queries[index] *= factor }
        }
    }

    /// Query heads of one key-value head that meet a tile of rows: at most 32 queries.
    private struct WorkItem {
        let tile: Step.AttentionTile
        let kvHead: Int
        let heads: Range<Int>
    }

    /// One work item is a tile of rows × the query heads of one key-value head, all positions or one segment.
    private func attend(_ step: Step, _ tables: Step.BlockTables) {
        let rowsPerTile = max(1, Int(APUS_ATTENTION_QUERIES) / headsPerItem)
        step.tileAttention(maxRowCount: rowsPerTile)
        let itemCount = step.attentionTiles.count * itemsPerTile
        let segments = step.attentionSegments
        let segmentCount = segments.count(upTo: step.lastPosition)
        let queryCount = min(rowsPerTile, step.rowCount) * headsPerItem
        guard
            segments.splits(
                itemCount: itemCount, queryCount: queryCount, segmentCount: segmentCount,
                threadCount: step.team.threadCount)
        else {
            step.team.forEach(itemCount) { index, worker in
                withQueries(of: item(index, step), step, tables) { view, queries, heads in
                    segments.attend(&view, queries.base, queries.count, step, worker: worker)
                    finish(queries, heads, step)
                }
            }
            return
        }
        step.team.forEach(itemCount * segmentCount) { index, worker in
            withQueries(of: item(index / segmentCount, step), step, tables) { view, queries, _ in
                segments.attend(
                    &view, queries.base, queries.count, segment: index % segmentCount,
                    slot: index * queryCount, step, worker: worker)
            }
        }
        step.team.forEach(itemCount) { index, _ in
            withQueries(of: item(index, step), step, tables) { _, queries, heads in
                for segment in 0..<segmentCount {
                    segments.merge(
                        slot: (index * segmentCount + segment) * queryCount, into: queries.base,
                        queries.count, step)
                }
                finish(queries, heads, step)
            }
        }
    }

    private var partsPerGroup: Int { (queriesPerKV + headsPerItem - 1) / headsPerItem }
    private var itemsPerTile: Int { kvHeadCount * partsPerGroup }

    private func item(_ index: Int, _ step: Step) -> WorkItem {
        // The last tiles have the longest contexts: they go first.
        let tile = step.attentionTiles[step.attentionTiles.count - 1 - index / itemsPerTile]
        let kvHead = index % itemsPerTile / partsPerGroup
        let firstInGroup = index % partsPerGroup * headsPerItem
        let firstHead = kvHead * queriesPerKV + firstInGroup
        return WorkItem(
            tile: tile, kvHead: kvHead,
            heads: firstHead..<firstHead + min(headsPerItem, queriesPerKV - firstInGroup))
    }

    /// Queries of one work item, row by row, that have visited nothing yet.
    private typealias Queries = (base: UnsafeMutablePointer<apus_attention_query>, count: Int)

    private func withQueries(
        of item: WorkItem, _ step: Step, _ tables: Step.BlockTables,
        _ body: (inout apus_kv_view, Queries, Range<Int>) -> Void
    ) {
        var view = step.kv.view(
            place, head: item.kvHead,
            blockTable: tables.table(of: step.slices[item.tile.slice], group: place.group),
            scale: scale)
        withUnsafeTemporaryAllocation(
            of: apus_attention_query.self, capacity: Int(APUS_ATTENTION_QUERIES)
        ) { queries in
            guard let first = queries.baseAddress else { return }
            var count = 0
            for row in item.tile.firstRow..<item.tile.firstRow + item.tile.rowCount {
                let position = Int(step.positions[row])
                for head in item.heads {
                    (first + count).initialize(
                        to: apus_attention_query(
                            vector: step.projections[row] + projections.columns[0]
                                + head * headDimension,
                            output: step.attended.rows[row] + head * headDimension,
                            first_position: Int32(span.firstPosition(for: position)),
                            last_position: Int32(position), maximum: -.infinity, sum: 0))
                    count += 1
                }
            }
            body(&view, (first, count), item.heads)
        }
    }

    private func finish(_ queries: Queries, _ heads: Range<Int>, _ step: Step) {
        for index in 0..<queries.count {
            let sink = sinks.map { $0[heads.lowerBound + index % heads.count] } ?? -.infinity
            step.vectors.finish_attention(queries.base + index, headDimension, sink)
        }
    }
}
