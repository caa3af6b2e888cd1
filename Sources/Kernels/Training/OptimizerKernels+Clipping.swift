extension OptimizerKernels {
    /// Scales gradients so that their norm is at most `maximum`.
    ///
    /// PyTorch's `torch.nn.utils.clip_grad_norm_`: g ← g · min(1, maximum / (‖g‖ + 10⁻⁶)). A norm
    /// that is not finite changes nothing; the caller stops.
    ///
    /// - Parameters:
    ///   - gradients: all of them; changed.
    ///   - maximum: > 0.
    /// - Returns: ‖g‖ before.
    package static func clipNorm(_ gradients: Matrix<Self>, maximum: Double) -> Double {
        precondition(maximum > 0, "clipNorm: maximum \(maximum)")
        let norm = sumOfSquares(gradients).squareRoot()
        let coefficient = maximum / (norm + 1e-6)
        if norm.isFinite, coefficient < 1 { scale(gradients, by: Self(coefficient)) }
        return norm
    }
}
