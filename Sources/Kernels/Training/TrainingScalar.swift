/// What networks are trained in: `Float` in the product, `Double` in the tests.
///
/// A network's forward and backward passes are written once, over these functions. `Float` has the
/// fast ones of this target. The tests give `Double` naive loops of the same names: these are the
/// naive twins of the fast ones, and let a network's gradients be compared with central
/// differences to 1e-6.
package typealias TrainingScalar = LayerKernels & OptimizerKernels & ProductKernels

/// Which operand of a product stands on its side in memory.
package enum MatrixForm: Sendable {
    /// As it is: `[R, C]` is used as R × C.
    case plain
    /// `[R, C]` is used as C × R.
    case transposed
}

/// How precisely products are computed; everything else is Float32.
package enum ProductPrecision: String, Sendable, CaseIterable {
    /// Operands and sums in Float32.
    case float32
    /// Operands rounded to bfloat16, sums in Float32; fast where the processor has AMX or
    /// AVX512_BF16, the same results but slow elsewhere. `Double` ignores it.
    case bfloat16
}

/// Matrix products and the recurrent cell's gates.
package protocol ProductKernels: BinaryFloatingPoint, BitwiseCopyable, Sendable {
    /// C ← op(A) · op(B), or C ← C + op(A) · op(B).
    ///
    /// - Parameters:
    ///   - a: op(A) is `[m, k]`.
    ///   - aForm: op of A.
    ///   - b: op(B) is `[k, n]`.
    ///   - bForm: op of B.
    ///   - c: `[m, n]`; overlaps neither operand.
    ///   - adding: whether C's old values are kept as summands.
    ///   - precision: of the operands.
    static func multiply(
        _ a: Matrix<Self>, _ aForm: MatrixForm, _ b: Matrix<Self>, _ bForm: MatrixForm,
        into c: Matrix<Self>, adding: Bool, precision: ProductPrecision)

    /// A right operand laid out for many products, as it is now: `multiply` with it gives what it
    /// gives with `b`, up to the order of sums. After a write to `b` it must be prepared again.
    ///
    /// - Parameters:
    ///   - b: op(B) is `[k, n]`.
    ///   - bForm: op of B.
    ///   - precision: of the products.
    ///   - rows: of the left operands of all these products together: what pays, and so the order of
    ///     sums, depends on it.
    ///   - memory: gives so many numbers from a cache line's beginning, which are overwritten and
    ///     must stay as they are while the operand is used; called once or not at all.
    /// - Returns: the operand, for `multiply(_:by:into:adding:)`.
    static func prepared(
        _ b: Matrix<Self>, _ bForm: MatrixForm, precision: ProductPrecision, rows: Int,
        memory: (_ count: Int) -> Matrix<Self>
    ) -> PreparedMatrix<Self>

    /// Numbers as products of this precision round them, to be kept by who writes them; nil when
    /// the products would not read it.
    static func narrowed(
        _ numbers: Matrix<Self>, precision: ProductPrecision
    ) -> Matrix<UInt16>?

    /// `multiply` by a prepared right operand: C ← A · op(B), or C ← C + A · op(B).
    static func multiply(
        _ a: Matrix<Self>, by b: PreparedMatrix<Self>, into c: Matrix<Self>, adding: Bool)

    /// One step of PyTorch's `nn.GRU` after its two products (Cho et al. 2014, arXiv:1406.1078):
    ///
    ///     r = σ(x_r + b_ir + u_r + b_hr)   z = σ(x_z + b_iz + u_z + b_hz)
    ///     n = tanh(x_n + b_in + r ⊙ (u_n + b_hn))   h = n + z ⊙ (h' − n)
    ///
    /// - Parameters:
    ///   - x: `[B, 3H]` input product `W_ih x`, gates r, z, n side by side.
    ///   - u: `[B, 3H]` recurrent product `W_hh h'`.
    ///   - biasIH: `[1, 3H]` b_i.
    ///   - biasHH: `[1, 3H]` b_h.
    ///   - previous: `[B, H]` h'.
    ///   - state: `[B, H]` h; overwritten; may be the same view as `previous`.
    ///   - gates: `[B, 4H]` r, z, n, u_n + b_hn for the backward pass; overwritten.
    static func gruGates(
        x: Matrix<Self>, u: Matrix<Self>, biasIH: Matrix<Self>, biasHH: Matrix<Self>,
        previous: Matrix<Self>, state: Matrix<Self>, gates: Matrix<Self>)

    /// The backward pass of `gruGates`.
    ///
    /// - Parameters:
    ///   - dState: `[B, H]` ∂L/∂h.
    ///   - previous: `[B, H]` h'.
    ///   - gates: `[B, 4H]` from `gruGates`.
    ///   - dx: `[B, 3H]` ∂L/∂x; overwritten.
    ///   - du: `[B, 3H]` ∂L/∂u; overwritten.
    ///   - dPrevious: `[B, H]` the part of ∂L/∂h' that does not pass through `W_hh`: ∂L/∂h ⊙ z;
    ///     overwritten. May be the same view as `dState`.
    ///   - dBiasIH: `[1, 3H]`; Σ over rows of dx is added, rows ascending, one chain.
    ///   - dBiasHH: `[1, 3H]`; the same of du.
    static func gruGatesBackward(
        dState: Matrix<Self>, previous: Matrix<Self>, gates: Matrix<Self>, dx: Matrix<Self>,
        du: Matrix<Self>, dPrevious: Matrix<Self>, dBiasIH: Matrix<Self>, dBiasHH: Matrix<Self>)
}

/// Everything between the products.
///
/// Where nothing else is said, outputs are overwritten, an output may be the same view as an input
/// of its shape, and gradients of parameters are added to.
package protocol LayerKernels: BinaryFloatingPoint, BitwiseCopyable, Sendable {
    /// Binary16 bit patterns as numbers, exactly; `halfs` Y.count of them, in Y's order.
    static func widen(_ halfs: [UInt16], into y: Matrix<Self>)
    /// Y ← Y + bias in each row. `y` `[R, C]`, `bias` `[1, C]`.
    static func addBias(_ bias: Matrix<Self>, to y: Matrix<Self>)
    /// bias ← bias + Σ over rows of dY. `dy` `[R, C]`, `dBias` `[1, C]`; rows ascending, one chain.
    static func addColumnSums(_ dy: Matrix<Self>, to dBias: Matrix<Self>)
    /// Y ← Y + scale · X, numbers in order.
    static func add(_ x: Matrix<Self>, scale: Self, to y: Matrix<Self>)

    /// max(x, 0), in place.
    static func relu(_ y: Matrix<Self>)
    /// dx = dy where the forward output `y` is positive, else 0; `dy` in place.
    static func reluBackward(y: Matrix<Self>, dy: Matrix<Self>)
    /// x · Φ(x) with the exact error function: PyTorch's `nn.GELU()` (Hendrycks and Gimpel 2016).
    static func gelu(_ x: Matrix<Self>, into y: Matrix<Self>)
    /// dx = dy · (Φ(x) + x φ(x)); `dy` in place, `x` the forward input.
    static func geluBackward(x: Matrix<Self>, dy: Matrix<Self>)

    /// Inverted dropout in place: a number stays, times 1 / (1 − p), when its counter's draw is
    /// ≥ p, else it becomes 0. The draw is a pure function of (key, first counter + index), so the
    /// backward pass is the same call on the gradient, and a thread count changes nothing.
    ///
    /// - Parameters:
    ///   - y: any shape; number i takes counter `mask.firstCounter + i`.
    ///   - mask: which draws, and p in [0, 1); with p = 0 nothing happens.
    static func dropout(_ y: Matrix<Self>, _ mask: DropoutMask)

    /// PyTorch's `nn.LayerNorm` over the last dimension, ε inside the root (Ba et al. 2016):
    /// y = γ (x − μ) / √(σ² + ε) + β, σ² the population variance.
    ///
    /// - Parameters:
    ///   - x: `[R, C]`.
    ///   - weight: `[1, C]` γ.
    ///   - bias: `[1, C]` β.
    ///   - epsilon: ε > 0.
    ///   - y: `[R, C]`; not the same view as x.
    ///   - saved: `[R, 2]` μ and 1 / √(σ² + ε).
    static func layerNorm(
        _ x: Matrix<Self>, weight: Matrix<Self>, bias: Matrix<Self>, epsilon: Self,
        into y: Matrix<Self>, saved: Matrix<Self>)
    /// The backward pass of `layerNorm`: `dx` overwritten (may be `dy`), `dWeight`, `dBias` added.
    static func layerNormBackward(
        dy: Matrix<Self>, x: Matrix<Self>, weight: Matrix<Self>, saved: Matrix<Self>,
        dx: Matrix<Self>, dWeight: Matrix<Self>, dBias: Matrix<Self>)

    /// Multi-head self-attention inside each sequence of a ragged batch, after the projection of
    /// q, k, v: PyTorch's `scaled_dot_product_attention`, not causal, padding never seen.
    ///
    ///     P = softmax(q kᵀ / √(E/heads)) per head,  P ← dropout(P),  out = P v
    ///
    /// - Parameters:
    ///   - qkv: `[R, 3E]` q, k, v side by side, rows in wave order.
    ///   - batch: which rows are whose.
    ///   - heads: divides E.
    ///   - mask: of the probabilities; number (user u in batch order, head, i, j) takes the counter
    ///     that follows in that nesting.
    ///   - out: `[R, E]`, heads side by side.
    ///   - probabilities: `[1, Σ_u heads · T_u²]` P before dropout, for the backward pass.
    static func attention(
        qkv: Matrix<Self>, batch: RaggedBatch, heads: Int, mask: DropoutMask,
        into out: Matrix<Self>, probabilities: Matrix<Self>)
    /// The backward pass of `attention`: `dqkv` `[R, 3E]` overwritten.
    static func attentionBackward(
        dOut: Matrix<Self>, qkv: Matrix<Self>, batch: RaggedBatch, heads: Int, mask: DropoutMask,
        probabilities: Matrix<Self>, into dqkv: Matrix<Self>)

    /// Mean over each sequence's rows, ascending in time. `rows` `[R, C]`, `means` `[B, C]`.
    static func meanRows(_ rows: Matrix<Self>, batch: RaggedBatch, into means: Matrix<Self>)
    /// The backward pass of `meanRows`: each row gets its sequence's gradient over its length.
    static func meanRowsBackward(
        _ dMeans: Matrix<Self>, batch: RaggedBatch, into dRows: Matrix<Self>)

    /// Embedding lookup, added: y_i ← y_i + table[index_i]. Negative indices add nothing.
    /// `table` `[V, E]`, `indices` R of them, `y` `[R, E]`.
    static func addLookup(_ table: Matrix<Self>, indices: [Int32], to y: Matrix<Self>)
    /// The backward pass of `addLookup`: dTable[index_i] ← dTable[index_i] + dy_i, rows ascending.
    static func addLookupBackward(
        _ dy: Matrix<Self>, indices: [Int32], to dTable: Matrix<Self>)

    /// Squared error summed over all numbers: Σ_i weight_i Σ_c keep_ic (prediction_ic − target_ic)².
    /// Each loss returns its sum in Double and writes the gradient of scale · sum.
    ///
    /// - Parameters:
    ///   - prediction: `[R, C]`; overwritten with the gradient.
    ///   - target: `[R, C]`.
    ///   - keep: `[R, C]` of 0 and 1, or nil for all 1.
    ///   - weights: `[R, 1]`, or nil for all 1.
    ///   - scale: of the gradient, such as 1 / rows of the whole batch.
    /// - Returns: the sum without `scale`, rows ascending.
    static func squaredError(
        _ prediction: Matrix<Self>, target: Matrix<Self>, keep: Matrix<Self>?,
        weights: Matrix<Self>?, scale: Self
    ) -> Double
    /// Binary cross-entropy with logits summed over all numbers, in PyTorch's stable form
    /// max(x, 0) − x y + log(1 + e^−|x|). `logits` `[R, C]` become the gradient; `labels` `[R, C]`.
    static func binaryCrossEntropy(
        _ logits: Matrix<Self>, labels: Matrix<Self>, scale: Self
    ) -> Double
    /// Softmax cross-entropy summed over rows whose label is not negative. `logits` `[R, V]` become
    /// the gradient (0 in rows left out); `labels` R of them.
    static func softmaxCrossEntropy(
        _ logits: Matrix<Self>, labels: [Int32], scale: Self
    ) -> Double
}

/// The optimiser's passes over all weights.
package protocol OptimizerKernels: BinaryFloatingPoint, BitwiseCopyable, Sendable {
    /// Σ x² in Double, in a fixed order; NaN or infinity in `x` shows in it.
    static func sumOfSquares(_ x: Matrix<Self>) -> Double
    /// Y ← Y + X, in one pass with `sumOfSquares(y)` after it, which is returned.
    static func add(_ x: Matrix<Self>, to y: Matrix<Self>) -> Double
    /// One step of PyTorch's `Adam` or `AdamW` (Kingma and Ba 2015; Loshchilov and Hutter 2019).
    ///
    ///     g ← c g,   then   g ← g + λ w (Adam)   or   w ← w − η λ w (AdamW)
    ///     m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²
    ///     w ← w − (η / (1 − β₁ᵗ)) m / (√v / √(1 − β₂ᵗ) + ε)
    ///
    /// - Parameters:
    ///   - weights: w; updated.
    ///   - gradients: g, equal count; left as they are.
    ///   - first: m; updated.
    ///   - second: v; updated.
    ///   - narrowed: equal count; the new w as bfloat16, as `narrowToBFloat16` gives it; overwritten.
    ///     Nil when nobody wants it. `Double` ignores it.
    ///   - step: t ≥ 1, and the other constants.
    static func adam(
        weights: Matrix<Self>, gradients: Matrix<Self>, first: Matrix<Self>,
        second: Matrix<Self>, narrowed: Matrix<UInt16>?, step: AdamStep)
}

extension OptimizerKernels {
    /// `adam` whose weights nobody wants as bfloat16.
    package static func adam(
        weights: Matrix<Self>, gradients: Matrix<Self>, first: Matrix<Self>,
        second: Matrix<Self>, step: AdamStep
    ) {
        adam(
            weights: weights, gradients: gradients, first: first, second: second, narrowed: nil,
            step: step)
    }
}

/// Which draws a dropout uses.
package struct DropoutMask: Sendable, Equatable {
    /// p in [0, 1): the share of numbers that become 0.
    package var probability: Double
    /// Separates seeds, training steps and layers.
    package var key: UInt64
    /// The counter of the first number: separates a batch's shards.
    package var firstCounter: UInt64

    /// No dropout: evaluation, or p = 0.
    package static let none = Self(probability: 0, key: 0, firstCounter: 0)

    package init(probability: Double, key: UInt64, firstCounter: UInt64) {
        precondition(probability >= 0 && probability < 1, "DropoutMask: p = \(probability)")
        self.probability = probability
        self.key = key
        self.firstCounter = firstCounter
    }
}

/// The constants of one optimiser step.
package struct AdamStep: Sendable, Equatable {
    /// t ≥ 1.
    package var number: Int
    /// η.
    package var learningRate: Double
    package var beta1 = 0.9
    package var beta2 = 0.999
    /// ε, added outside the root.
    package var epsilon = 1e-8
    /// λ.
    package var weightDecay = 0.0
    /// AdamW when true: the decay does not pass through the moments.
    package var isDecoupled = false
    /// c, which gradients are multiplied by before anything else; `clipping(norm:maximum:)`.
    package var clipping = 1.0

    package init(number: Int, learningRate: Double) {
        precondition(number >= 1, "AdamStep: t = \(number)")
        self.number = number
        self.learningRate = learningRate
    }

    /// What makes gradients' norm at most `maximum`.
    ///
    /// PyTorch's `torch.nn.utils.clip_grad_norm_`: min(1, maximum / (‖g‖ + 10⁻⁶)). A norm that is not
    /// finite changes nothing; the caller stops.
    ///
    /// - Parameters:
    ///   - norm: ‖g‖.
    ///   - maximum: > 0.
    /// - Returns: a factor in [0, 1].
    package static func clipping(norm: Double, maximum: Double) -> Double {
        precondition(maximum > 0, "clipping: maximum \(maximum)")
        return norm.isFinite ? min(1, maximum / (norm + 1e-6)) : 1
    }
}
