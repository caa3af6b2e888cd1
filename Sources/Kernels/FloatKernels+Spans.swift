import CKernels

/// What inference needs between its products, on spans: rows of a batch side by side, and a row's
/// result (a sequence's, for attention and means) independent of the others.
extension FloatKernels {
    /// max(x, 0), in place.
    package func relu(_ values: inout MutableSpan<Float>) {
        let count = values.count
        // SAFETY: `count` numbers are read and written.
        unsafe values.withUnsafeMutableBufferPointer {
            unsafe kernels_relu(code, $0.baseAddress, count)
        }
    }

    /// x · Φ(x), in place: PyTorch's `nn.GELU()`.
    package func gelu(_ values: inout MutableSpan<Float>) {
        let count = values.count
        // SAFETY: `count` numbers are read, and written where they were read.
        unsafe values.withUnsafeMutableBufferPointer {
            unsafe kernels_gelu(code, $0.baseAddress, $0.baseAddress, count)
        }
    }

    /// Y ← Y + X, of equal count.
    package func add(_ x: Span<Float>, to y: inout MutableSpan<Float>) {
        let count = y.count
        precondition(x.count == count, "add: \(x.count) numbers to \(count)")
        // SAFETY: `count` numbers each; a span and a mutable span do not overlap.
        unsafe x.withUnsafeBufferPointer { x in
            unsafe y.withUnsafeMutableBufferPointer { y in
                unsafe kernels_add(code, x.baseAddress, 1, y.baseAddress, count)
            }
        }
    }

    /// PyTorch's `nn.LayerNorm` of each row, in place; as `layerNorm` on matrices.
    ///
    /// - Parameters:
    ///   - rows: `[R, C]`; overwritten.
    ///   - weight: `[C]` γ.
    ///   - bias: `[C]` β.
    ///   - epsilon: ε > 0, inside the root.
    package func layerNorm(
        _ rows: inout MutableSpan<Float>, weight: Span<Float>, bias: Span<Float>, epsilon: Float
    ) {
        let columns = weight.count
        precondition(columns > 0 && bias.count == columns, "layerNorm: β of \(bias.count)")
        let count = rows.count / columns
        precondition(rows.count == count * columns, "layerNorm: rows of \(rows.count)")
        // SAFETY: [R, C] numbers are read and then written row by row, [C] numbers are read.
        unsafe rows.withUnsafeMutableBufferPointer { x in
            unsafe weight.withUnsafeBufferPointer { weight in
                unsafe bias.withUnsafeBufferPointer { bias in
                    unsafe kernels_layer_norm(
                        code, x.baseAddress, weight.baseAddress, bias.baseAddress, epsilon,
                        x.baseAddress, nil, count, columns)
                }
            }
        }
    }

    /// Self-attention inside each sequence, as `attention` on matrices, without dropout.
    ///
    /// - Parameters:
    ///   - qkv: `[R, 3E]` q, k, v side by side, rows in wave order.
    ///   - batch: which rows are whose.
    ///   - heads: divides E.
    ///   - out: `[R, E]`; overwritten.
    /// - Complexity: O(Σ T² E); allocates scratch for the longest sequence.
    package func attention(
        qkv: Span<Float>, batch: RaggedBatch, heads: Int, into out: inout MutableSpan<Float>
    ) {
        guard batch.rowCount > 0 else { return }
        let width = out.count / batch.rowCount
        Self.checkHeads(heads, width)
        precondition(out.count == batch.rowCount * width, "attention: out of \(out.count)")
        precondition(qkv.count == 3 * out.count, "attention: qkv of \(qkv.count)")
        let floats = kernels_attention_scratch(batch.waveCount, width, heads)
        let scratch = Matrix<Float>(rows: 1, columns: floats)
        let mask = DropoutMask.none.constants
        // SAFETY: places below R, as RaggedBatch lays them out; scratch for the longest sequence.
        unsafe qkv.withUnsafeBufferPointer { qkv in
            unsafe out.withUnsafeMutableBufferPointer { out in
                unsafe forEachSequence(batch) { _, places, length in
                    unsafe kernels_attention(
                        code, qkv.baseAddress, places, length, width, heads, mask,
                        out.baseAddress, nil, scratch.pointer)
                }
            }
        }
        withExtendedLifetime(scratch) {}
    }

    /// Mean over each sequence's rows, ascending in time.
    ///
    /// - Parameters:
    ///   - rows: `[R, C]` in wave order.
    ///   - batch: which rows are whose.
    ///   - means: `[B, C]`; overwritten.
    package func meanRows(
        _ rows: Span<Float>, batch: RaggedBatch, into means: inout MutableSpan<Float>
    ) {
        guard batch.count > 0 else { return }
        let columns = means.count / batch.count
        precondition(means.count == batch.count * columns, "meanRows: means of \(means.count)")
        precondition(
            rows.count == batch.rowCount * columns, "meanRows: rows of \(rows.count)")
        // SAFETY: places below R; each sequence writes the C numbers of its own mean.
        unsafe rows.withUnsafeBufferPointer { rows in
            unsafe means.withUnsafeMutableBufferPointer { means in
                guard let start = means.baseAddress else { return }
                unsafe forEachSequence(batch) { sequence, places, length in
                    unsafe kernels_mean_rows(
                        code, rows.baseAddress, places, length, start + sequence * columns,
                        columns)
                }
            }
        }
    }

    /// y_i ← y_i + table[index_i]; a negative index adds nothing.
    ///
    /// - Parameters:
    ///   - table: `[V, E]`.
    ///   - indices: R of them, below V.
    ///   - y: `[R, E]`.
    package func addLookup(
        _ table: Span<Float>, indices: [Int32], to y: inout MutableSpan<Float>
    ) {
        guard !indices.isEmpty else { return }
        let rows = indices.count
        let columns = y.count / rows
        precondition(columns > 0 && y.count == rows * columns, "addLookup: y of \(y.count)")
        Self.check(indices, below: table.count / columns, "addLookup")
        // SAFETY: every index that is not negative is below V, as checked.
        unsafe table.withUnsafeBufferPointer { table in
            unsafe indices.withUnsafeBufferPointer { indices in
                unsafe y.withUnsafeMutableBufferPointer { y in
                    unsafe kernels_add_lookup(
                        code, table.baseAddress, indices.baseAddress, y.baseAddress, rows,
                        columns)
                }
            }
        }
    }
}
