import CKernels

extension FloatKernels {
    /// `LayerKernels.attention`, one sequence and head at a time.
    ///
    /// Scores, mixtures and gradients are chains of fused multiply-adds in ascending order of what
    /// is summed. Allocates scratch for the longest sequence.
    package func attention(
        qkv: Matrix<Float>, batch: RaggedBatch, heads: Int, mask: DropoutMask,
        into out: Matrix<Float>, probabilities: Matrix<Float>
    ) {
        let width = out.columns
        Self.checkHeads(heads, width)
        Self.check(qkv, batch.rowCount, 3 * width, "attention: qkv")
        Self.check(out, batch.rowCount, width, "attention: out")
        Self.check(probabilities, 1, batch.probabilityCount(heads), "attention: probabilities")
        Self.checkApart(qkv, out, "attention: qkv and out")
        Self.checkApart(qkv, probabilities, "attention: qkv and probabilities")
        Self.checkApart(out, probabilities, "attention: out and probabilities")
        let scratch = Self.attentionScratch(batch, width, heads)
        var first = 0
        // SAFETY: places are used inside the call.
        unsafe forEachSequence(batch) { _, places, length in
            let count = heads * length * length
            let block = probabilities.part(at: first, rows: 1, columns: count)
            // SAFETY: `length` places below R; `block` has a number for each head and pair; the
            // scratch is for the longest sequence.
            unsafe kernels_attention(
                code, qkv.pointer, places, length, width, heads, mask.from(first).constants,
                out.pointer, block.pointer, scratch.pointer)
            first += count
        }
    }

    /// `LayerKernels.attentionBackward`, as `attention`.
    package func attentionBackward(
        dOut: Matrix<Float>, qkv: Matrix<Float>, batch: RaggedBatch, heads: Int,
        mask: DropoutMask, probabilities: Matrix<Float>, into dqkv: Matrix<Float>
    ) {
        let width = dOut.columns
        Self.checkHeads(heads, width)
        Self.check(dOut, batch.rowCount, width, "attentionBackward: dOut")
        Self.check(qkv, batch.rowCount, 3 * width, "attentionBackward: qkv")
        Self.check(dqkv, batch.rowCount, 3 * width, "attentionBackward: dqkv")
        Self.check(
            probabilities, 1, batch.probabilityCount(heads), "attentionBackward: probabilities")
        Self.checkSameOrApart(qkv, dqkv, "attentionBackward: qkv and dqkv")
        Self.checkApart(dOut, dqkv, "attentionBackward: dOut and dqkv")
        Self.checkApart(probabilities, dqkv, "attentionBackward: probabilities and dqkv")
        let scratch = Self.attentionScratch(batch, width, heads)
        var first = 0
        // SAFETY: places are used inside the call.
        unsafe forEachSequence(batch) { _, places, length in
            let count = heads * length * length
            let block = probabilities.part(at: first, rows: 1, columns: count)
            // SAFETY: as in `attention`.
            unsafe kernels_attention_backward(
                code, dOut.pointer, qkv.pointer, places, length, width, heads,
                mask.from(first).constants, block.pointer, dqkv.pointer, scratch.pointer)
            first += count
        }
    }

    static func checkHeads(_ heads: Int, _ width: Int) {
        precondition(
            heads > 0 && width > 0 && width.isMultiple(of: heads),
            "attention: \(heads) heads of \(width)")
    }

    private static func attentionScratch(
        _ batch: RaggedBatch, _ width: Int, _ heads: Int
    ) -> Matrix<Float> {
        Matrix(
            rows: 1, columns: kernels_attention_scratch(batch.waveCount, width, heads))
    }
}

extension RaggedBatch {
    /// Probabilities of an attention with `heads` heads: Σ_u heads · T_u².
    package func probabilityCount(_ heads: Int) -> Int {
        lengths.reduce(0) { $0 + heads * $1 * $1 }
    }
}

extension DropoutMask {
    /// The mask of the numbers from number `index` on.
    func from(_ index: Int) -> Self {
        var mask = self
        mask.firstCounter &+= UInt64(index)
        return mask
    }
}
