import CKernels

extension FloatKernels {
    /// `LayerKernels.layerNorm`: mean, then variance about it, each a sum of 16 lanes.
    package func layerNorm(
        _ x: Matrix<Float>, weight: Matrix<Float>, bias: Matrix<Float>, epsilon: Float,
        into y: Matrix<Float>, saved: Matrix<Float>
    ) {
        Self.check(weight, 1, x.columns, "layerNorm: weight")
        Self.check(bias, 1, x.columns, "layerNorm: bias")
        Self.check(y, x.rows, x.columns, "layerNorm: y")
        Self.check(saved, x.rows, 2, "layerNorm: saved")
        Self.checkApart(x, y, "layerNorm: x and y")
        for input in [x, y, weight, bias] { Self.checkApart(input, saved, "layerNorm: saved") }
        for input in [weight, bias] { Self.checkApart(input, y, "layerNorm: y") }
        precondition(epsilon > 0, "layerNorm: ε = \(epsilon)")
        // SAFETY: shapes and what may not overlap are checked.
        unsafe kernels_layer_norm(
            code, x.pointer, weight.pointer, bias.pointer, epsilon, y.pointer, saved.pointer,
            x.rows, x.columns)
    }

    /// `LayerKernels.layerNormBackward`.
    package func layerNormBackward(
        dy: Matrix<Float>, x: Matrix<Float>, weight: Matrix<Float>, saved: Matrix<Float>,
        dx: Matrix<Float>, dWeight: Matrix<Float>, dBias: Matrix<Float>
    ) {
        Self.check(dy, x.rows, x.columns, "layerNormBackward: dy")
        Self.check(dx, x.rows, x.columns, "layerNormBackward: dx")
        Self.check(weight, 1, x.columns, "layerNormBackward: weight")
        Self.check(saved, x.rows, 2, "layerNormBackward: saved")
        Self.check(dWeight, 1, x.columns, "layerNormBackward: dWeight")
        Self.check(dBias, 1, x.columns, "layerNormBackward: dBias")
        Self.checkSameOrApart(dy, dx, "layerNormBackward: dy and dx")
        for output in [dx, dWeight, dBias] {
            for input in [x, weight, saved] {
                Self.checkApart(input, output, "layerNormBackward: input and output")
            }
        }
        for input in [dx, dy, dBias] { Self.checkApart(input, dWeight, "layerNormBackward") }
        for input in [dx, dy] { Self.checkApart(input, dBias, "layerNormBackward: dBias") }
        // SAFETY: shapes and what may not overlap are checked.
        unsafe kernels_layer_norm_backward(
            code, dy.pointer, x.pointer, weight.pointer, saved.pointer, dx.pointer,
            dWeight.pointer, dBias.pointer, x.rows, x.columns)
    }

    /// `LayerKernels.meanRows`.
    package func meanRows(
        _ rows: Matrix<Float>, batch: RaggedBatch, into means: Matrix<Float>
    ) {
        Self.check(rows, batch.rowCount, means.columns, "meanRows: rows")
        Self.check(means, batch.count, rows.columns, "meanRows: means")
        Self.checkApart(rows, means, "meanRows: rows and means")
        // SAFETY: places are used inside the call.
        unsafe forEachSequence(batch) { sequence, places, length in
            let mean = means.rows(sequence..<sequence + 1)
            // SAFETY: `length` places below R, as RaggedBatch lays them out, and [C] numbers.
            unsafe kernels_mean_rows(
                code, rows.pointer, places, length, mean.pointer, means.columns)
        }
    }

    /// `LayerKernels.meanRowsBackward`.
    package func meanRowsBackward(
        _ dMeans: Matrix<Float>, batch: RaggedBatch, into dRows: Matrix<Float>
    ) {
        Self.check(dRows, batch.rowCount, dMeans.columns, "meanRowsBackward: dRows")
        Self.check(dMeans, batch.count, dRows.columns, "meanRowsBackward: dMeans")
        Self.checkApart(dRows, dMeans, "meanRowsBackward: dRows and dMeans")
        // SAFETY: places are used inside the call.
        unsafe forEachSequence(batch) { sequence, places, length in
            let dMean = dMeans.rows(sequence..<sequence + 1)
            // SAFETY: `length` places below R, as RaggedBatch lays them out, and [C] numbers.
            unsafe kernels_mean_rows_backward(
                code, dMean.pointer, places, length, dRows.pointer, dRows.columns)
        }
    }

    /// `LayerKernels.addLookup`.
    package func addLookup(_ table: Matrix<Float>, indices: [Int32], to y: Matrix<Float>) {
        Self.check(y, indices.count, table.columns, "addLookup: y")
        Self.checkApart(table, y, "addLookup: table and y")
        Self.check(indices, below: table.rows, "addLookup")
        // SAFETY: every index that is not negative is below V, as checked.
        unsafe indices.withUnsafeBufferPointer {
            unsafe kernels_add_lookup(
                code, table.pointer, $0.baseAddress, y.pointer, y.rows, y.columns)
        }
    }

    /// `LayerKernels.addLookupBackward`.
    package func addLookupBackward(
        _ dy: Matrix<Float>, indices: [Int32], to dTable: Matrix<Float>
    ) {
        Self.check(dy, indices.count, dTable.columns, "addLookupBackward: dy")
        Self.checkApart(dTable, dy, "addLookupBackward: dTable and dy")
        Self.check(indices, below: dTable.rows, "addLookupBackward")
        // SAFETY: every index that is not negative is below V, as checked.
        unsafe indices.withUnsafeBufferPointer {
            unsafe kernels_add_lookup_backward(
                code, dy.pointer, $0.baseAddress, dTable.pointer, dy.rows, dy.columns)
        }
    }

    static func check(_ indices: [Int32], below bound: Int, _ name: String) {
        for index in indices {
            precondition(Int(index) < bound, "\(name): index \(index), want below \(bound)")
        }
    }

    /// Calls `body` with each sequence, where its rows are, and its length.
    ///
    /// Allocates one array of the longest length.
    func forEachSequence(
        _ batch: RaggedBatch, _ body: (Int, UnsafePointer<Int>, Int) -> Void
    ) {
        var places = [Int](repeating: 0, count: max(batch.waveCount, 1))
        for (sequence, length) in batch.lengths.enumerated() {
            for step in 0..<length { places[step] = batch.row(of: sequence, at: step) }
            // SAFETY: `places` holds at least `length` numbers; it has at least one.
            unsafe places.withUnsafeBufferPointer {
                guard let start = $0.baseAddress else { return }
                unsafe body(sequence, start, length)
            }
        }
    }
}
