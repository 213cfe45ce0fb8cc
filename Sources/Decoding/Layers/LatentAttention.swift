// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// Multi-head latent attention (DeepSeek-V2, 2024, §2.1): all heads' keys and values are linear maps of
/// one low-rank latent per position, and only that and one shared rotary key are kept.
///
/// There are two ways to the same sums. *Expanded*, each head's keys and values are computed from the
/// latents, and attention is that of ordinary heads: cheap when many queries share the expansion.
/// *Absorbed*, the key map is applied to the query instead and the value map to the result, and attention
/// is over the latents themselves: cheap for a single query. They round differently, and a token must
/// come out the same in any step, so the choice is the token's: those of a prompt expand, generated ones
/// absorb (decision 10).
struct LatentAttention {
    /// How hidden states become queries.
    enum Query {
        case direct(Linear)
        /// Through a low rank, normalised there.
        case lowRank(down: Linear, norm: RMSNorm, up: Linear)
    }

    /// One head's part of the maps from the latent.
    struct Head {
        /// [rank, plain dimension]: a query against latents.
        let absorbedKey: Matrix
        /// [plain dimension, rank], the same transposed.
        let key: Matrix
        /// [value dimension, rank]
        let value: Matrix
    }

    let place: KVShape.Place
    let shape: LatentShape
    /// Multiplies query · key.
    let scale: Float
    let query: Query
    /// [rank + rotary dimension, H]
    let latent: Linear
    let latentNorm: RMSNorm
    let heads: [Head]
    let rotary: RotaryEmbedding
    let output: Linear
    /// What is computed from the input directly: the query, or its low-rank form, and the latent.
    private let projections: LinearGroup

    init(
        place: KVShape.Place, shape: LatentShape, scale: Float, query: Query, latent: Linear,
        latentNorm: RMSNorm, heads: [Head], rotary: RotaryEmbedding, output: Linear
    ) {
        self.place = place
        self.shape = shape
        self.scale = scale
        self.query = query
        self.latent = latent
        self.latentNorm = latentNorm
        self.heads = heads
        self.rotary = rotary
        self.output = output
        switch query {
        case .direct(let linear): projections = LinearGroup([linear, latent])
        case .lowRank(let down, _, _): projections = LinearGroup([down, latent])
        }
    }

    func reserve(in shape: inout WorkspaceShape) {
        var matrices = projections.parts.map(\.weight) + [output.weight]
        if case .lowRank(let down, _, let up) = query {
            shape.lowRankQueryWidth = max(shape.lowRankQueryWidth, down.weight.rowCount)
            matrices.append(up.weight)
        }
        matrices += [heads[0].absorbedKey, heads[0].key, heads[0].value]
        shape.quantizes = shape.quantizes || matrices.contains(where: \.takesQuantizedColumns)
        shape.projectionWidth = max(shape.projectionWidth, projections.width)
        shape.attendedWidth = max(
            shape.attendedWidth, self.shape.headCount * self.shape.valueDimension)
        shape.keyDimension = max(shape.keyDimension, self.shape.queryDimension)
        shape.valueDimension = max(shape.valueDimension, self.shape.valueDimension)
        shape.latent = self.shape
        rotary.reserve(in: &shape)
    }

    /// output += attention(normed).
    func add(_ step: Step, to output: Rows) {
        guard let workspace = step.latent else {
            preconditionFailure("latent attention without its workspace")
        }
        let count = step.rowCount
        projections.apply(step.normed, into: step.projections, count: count, step)
        computeQueries(step, workspace)
        countRead(step)
        step.withBlockTables { tables in
            turnAndAppend(step, workspace, tables)
            attendExpanded(step, workspace, tables)
            attendAbsorbed(step, workspace, tables)
        }
        step.quantize(step.attended, count: count)
        self.output.add(step.attended, to: output, count: count, step)
    }

    /// Counts the heads' matrices that the step's rows need.
    private func countRead(_ step: Step) {
        let expands = step.slices.contains { $0.promptRowCount > 0 }
        let absorbs = step.slices.contains { $0.promptRowCount < $0.rowCount }
        for head in heads {
            step.countRead(
                head.value.byteCount + (expands ? head.key.byteCount : 0)
                    + (absorbs ? head.absorbedKey.byteCount : 0))
        }
    }

    /// queries = up(norm(down(normed))), or as they were projected.
    private func computeQueries(_ step: Step, _ workspace: LatentWorkspace) {
        let count = step.rowCount
        guard case .lowRank(_, let norm, let up) = query else { return }
        step.team.forEach(step.chunkCount(count)) { chunk, _ in
            for row in step.rows(ofChunk: chunk, count: count) {
                norm.apply(step.projections[row], into: workspace.lowRankQueries.rows[row], step)
                workspace.lowRankQueries.updateQuantized(row: row)
            }
        }
        up.apply(workspace.lowRankQueries, into: workspace.queries, count: count, step)
    }

    private func queries(
        ofRow row: Int, _ step: Step, _ workspace: LatentWorkspace
    ) -> UnsafeMutablePointer<Float> {
        if case .direct = query { step.projections[row] } else { workspace.queries[row] }
    }

    /// Normalises the latents, rotates queries and keys, and keeps what later positions need.
    private func turnAndAppend(
        _ step: Step, _ workspace: LatentWorkspace, _ tables: Step.BlockTables
    ) {
        let count = step.rowCount
        step.team.forEach(step.chunkCount(count)) { chunk, _ in
            for row in step.rows(ofChunk: chunk, count: count) {
                let entry = step.projections[row] + projections.columns[1]
                latentNorm.apply(entry, into: entry, step)
                rotary.rotate(entry + shape.rank, row: row, step)
                step.kv.append(
                    place,
                    blockTable: tables.table(
                        of: step.slices[Int(step.sliceOfRow[row])], group: place.group),
                    position: Int(step.positions[row]), latent: entry)
                let queries = queries(ofRow: row, step, workspace)
                for head in 0..<shape.headCount {
                    rotary.rotate(
                        queries + head * shape.queryDimension + shape.plainDimension, row: row,
                        step)
                }
            }
        }
    }
}

/// Tokens of prompts.
extension LatentAttention {
    /// One work item: one head of all prompt rows of a sequence. Each tile of positions is expanded once.
    private func attendExpanded(
        _ step: Step, _ workspace: LatentWorkspace, _ tables: Step.BlockTables
    ) {
        step.team.forEach(step.slices.count * shape.headCount) { item, worker in
            let slice = step.slices[item / shape.headCount]
            let head = item % shape.headCount
            let scratch = step.workers[worker]
            guard slice.promptRowCount > 0, let expansion = scratch.expansion else { return }
            let rows = slice.firstRow..<slice.firstRow + slice.promptRowCount
            let states = workspace.states(ofHead: head)
            for row in rows {
                states[row] = apus_attention_query(
                    vector: queries(ofRow: row, step, workspace) + head * shape.queryDimension,
                    output: step.attended.rows[row] + head * shape.valueDimension,
                    first_position: 0, last_position: 0, maximum: -.infinity, sum: 0)
            }
            let view = step.kv.view(
                place, head: 0, blockTable: tables.table(of: slice, group: place.group), scale: 1)
            let end = Int(step.positions[rows.upperBound - 1]) + 1
            for start in stride(from: 0, to: end, by: LatentExpansion.positionCount) {
                let count = min(LatentExpansion.positionCount, end - start)
                expansion.expand(
                    view, start: start, count: count, key: heads[head].key,
                    value: heads[head].value, step, scratch)
                visit(rows, start: start, expansion, states, step, scratch)
            }
            for row in rows {
                step.vectors.finish_attention(states + row, shape.valueDimension, -.infinity)
            }
        }
    }

    /// Shows the rows that come after `start` the expanded positions from there on.
    private func visit(
        _ rows: Range<Int>, start: Int, _ expansion: LatentExpansion,
        _ states: UnsafeMutablePointer<apus_attention_query>, _ step: Step,
        _ scratch: WorkerScratch
    ) {
        var view = expansion.view(scale: scale)
        let first = rows.lowerBound + max(0, start - Int(step.positions[rows.lowerBound]))
        let tile = Int(APUS_ATTENTION_QUERIES)
        for tileStart in stride(from: first, to: rows.upperBound, by: tile) {
            let count = min(tile, rows.upperBound - tileStart)
            for row in tileStart..<tileStart + count {
                states[row].last_position = step.positions[row] - Int32(start)
            }
            expansion.operations.attend(
                &view, states + tileStart, count, 0, LatentExpansion.positionCount,
                scratch.attention)
        }
    }
}

/// Generated tokens.
extension LatentAttention {
    private func attendAbsorbed(
        _ step: Step, _ workspace: LatentWorkspace, _ tables: Step.BlockTables
    ) {
        var count = 0
        for slice in step.slices {
            for row in slice.promptRowCount..<slice.rowCount {
                workspace.generatedRows[count] = Int32(slice.firstRow + row)
                count += 1
            }
        }
        for start in stride(from: 0, to: count, by: LatentWorkspace.tileRows) {
            let rows = UnsafeBufferPointer(
                start: workspace.generatedRows + start,
                count: min(LatentWorkspace.tileRows, count - start))
            absorbQueries(rows, step, workspace)
            attendLatents(rows, step, workspace, tables)
            expandValues(rows, step, workspace)
        }
    }

    /// absorbed = (absorbedKey · plain query, rotary query) of each head.
    private func absorbQueries(
        _ rows: UnsafeBufferPointer<Int32>, _ step: Step, _ workspace: LatentWorkspace
    ) {
        step.team.forEach(shape.headCount) { head, worker in
            let plain = workspace.plainQueries
            let first = LatentWorkspace.slot(head: head, index: 0)
            for (index, row) in rows.enumerated() {
                plain.rows[first + index].update(
                    from: queries(ofRow: Int(row), step, workspace) + head * shape.queryDimension,
                    count: shape.plainDimension)
                plain.updateQuantized(row: first + index)
            }
            let matrix = heads[head].absorbedKey
            let scratch = step.workers[worker]
            for strip in 0..<matrix.stripCount {
                for index in rows.indices {
                    scratch.outputs[index] = workspace.absorbedQueries[first + index] + strip * 16
                }
                matrix.strips(strip..<strip + 1, scratch.firstStrips).multiply(
                    strip: strip, columns: plain.columns(for: matrix) + first, count: rows.count,
                    outputs: scratch.outputs)
            }
            for (index, row) in rows.enumerated() {
                (workspace.absorbedQueries[first + index] + shape.rank).update(
                    from: queries(ofRow: Int(row), step, workspace) + head * shape.queryDimension
                        + shape.plainDimension, count: shape.rotaryDimension)
            }
        }
    }

    /// mixed = softmax(scale · absorbed · latentsᵀ) · latents. One work item: some heads of one row; a head
    /// has its own lane, so that it does not matter which.
    private func attendLatents(
        _ rows: UnsafeBufferPointer<Int32>, _ step: Step, _ workspace: LatentWorkspace,
        _ tables: Step.BlockTables
    ) {
        let fair = shape.headCount * rows.count / step.team.threadCount
        let headsPerItem = max(1, min(Int(APUS_LATENT_QUERIES), fair))
        let itemsPerRow = (shape.headCount + headsPerItem - 1) / headsPerItem
        step.team.forEach(rows.count * itemsPerRow) { item, worker in
            let index = item / itemsPerRow
            let row = Int(rows[index])
            let firstHead = item % itemsPerRow * headsPerItem
            let headCount = min(headsPerItem, shape.headCount - firstHead)
            let slice = step.slices[Int(step.sliceOfRow[row])]
            var view = step.kv.view(
                place, head: 0, blockTable: tables.table(of: slice, group: place.group),
                scale: scale)
            withUnsafeTemporaryAllocation(
                of: UnsafePointer<Float>.self, capacity: Int(APUS_LATENT_QUERIES)
            ) { vectors in
                withUnsafeTemporaryAllocation(
                    of: UnsafeMutablePointer<Float>.self, capacity: Int(APUS_LATENT_QUERIES)
                ) { outputs in
                    for lane in 0..<headCount {
                        let slot = LatentWorkspace.slot(head: firstHead + lane, index: index)
                        vectors.initializeElement(
                            at: lane, to: UnsafePointer(workspace.absorbedQueries[slot]))
                        outputs.initializeElement(
                            at: lane, to: workspace.mixedLatents.rows[slot])
                    }
                    guard let vectors = vectors.baseAddress, let outputs = outputs.baseAddress
                    else { return }
                    step.kv.operations.attendLatent(
                        &view, vectors, headCount, Int(step.positions[row]), outputs,
                        step.workers[worker].attention)
                }
            }
            for lane in 0..<headCount {
                workspace.mixedLatents.updateQuantized(
                    row: LatentWorkspace.slot(head: firstHead + lane, index: index))
            }
        }
    }

    /// attended = value · mixed of each head.
    private func expandValues(
        _ rows: UnsafeBufferPointer<Int32>, _ step: Step, _ workspace: LatentWorkspace
    ) {
        step.team.forEach(shape.headCount) { head, worker in
            let matrix = heads[head].value
            let scratch = step.workers[worker]
            let columns =
                workspace.mixedLatents.columns(for: matrix)
                + LatentWorkspace.slot(head: head, index: 0)
            for strip in 0..<matrix.stripCount {
                matrix.strips(strip..<strip + 1, scratch.firstStrips).multiply(
                    strip: strip, columns: columns, count: rows.count,
                    outputs: scratch.firstOutputs)
                let count = min(16, shape.valueDimension - strip * 16)
                for (index, row) in rows.enumerated() {
                    (step.attended.rows[Int(row)] + head * shape.valueDimension + strip * 16)
                        .update(from: scratch.first + index * 16, count: count)
                }
            }
        }
    }
}
