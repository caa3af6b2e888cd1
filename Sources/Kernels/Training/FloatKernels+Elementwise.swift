import CKernels

extension FloatKernels {
    /// `LayerKernels.widen`.
    package func widen(_ halfs: [UInt16], into y: Matrix<Float>) {
        precondition(halfs.count == y.count, "widen: \(halfs.count) halfs into \(y.count)")
        // SAFETY: both hold `y.count` numbers.
        unsafe halfs.withUnsafeBufferPointer { source in
            unsafe kernels_widen(code, source.baseAddress, y.pointer, y.count)
        }
    }

    /// `LayerKernels.addBias`.
    package func addBias(_ bias: Matrix<Float>, to y: Matrix<Float>) {
        Self.check(bias, 1, y.columns, "addBias: bias")
        Self.checkApart(bias, y, "addBias: bias and y")
        // SAFETY: [C] is read and [R, C] changed, as checked.
        unsafe kernels_add_bias(code, bias.pointer, y.pointer, y.rows, y.columns)
    }

    /// `LayerKernels.addColumnSums`.
    package func addColumnSums(_ dy: Matrix<Float>, to dBias: Matrix<Float>) {
        Self.check(dBias, 1, dy.columns, "addColumnSums: dBias")
        Self.checkApart(dBias, dy, "addColumnSums: dBias and dy")
        // SAFETY: [R, C] is read and [C] changed, as checked.
        unsafe kernels_add_column_sums(code, dy.pointer, dBias.pointer, dy.rows, dy.columns)
    }

    /// `LayerKernels.add`: one fused multiply-add a number.
    package func add(_ x: Matrix<Float>, scale: Float, to y: Matrix<Float>) {
        Self.checkSameOrApart(x, y, "add: x and y")
        // SAFETY: equal counts, the same numbers or none in common.
        unsafe kernels_add(code, x.pointer, scale, y.pointer, y.count)
    }

    /// `LayerKernels.relu`; a NaN stays one.
    package func relu(_ y: Matrix<Float>) {
        // SAFETY: `count` numbers of one matrix.
        unsafe kernels_relu(code, y.pointer, y.count)
    }

    /// `LayerKernels.reluBackward`.
    package func reluBackward(y: Matrix<Float>, dy: Matrix<Float>) {
        Self.checkSameOrApart(y, dy, "reluBackward: y and dy")
        // SAFETY: equal counts, the same numbers or none in common.
        unsafe kernels_relu_backward(code, y.pointer, dy.pointer, dy.count)
    }

    /// `LayerKernels.gelu`: Φ is within 4 ulp of the exact value, and 0 below −13.19.
    package func gelu(_ x: Matrix<Float>, into y: Matrix<Float>) {
        Self.checkSameOrApart(x, y, "gelu: x and y")
        // SAFETY: equal counts, the same numbers or none in common.
        unsafe kernels_gelu(code, x.pointer, y.pointer, y.count)
    }

    /// `LayerKernels.geluBackward`.
    package func geluBackward(x: Matrix<Float>, dy: Matrix<Float>) {
        Self.checkSameOrApart(x, dy, "geluBackward: x and dy")
        // SAFETY: equal counts, the same numbers or none in common.
        unsafe kernels_gelu_backward(code, x.pointer, dy.pointer, dy.count)
    }

    /// `LayerKernels.dropout`.
    package func dropout(_ y: Matrix<Float>, _ mask: DropoutMask) {
        // SAFETY: `count` numbers of one matrix.
        unsafe kernels_dropout(code, y.pointer, mask.constants, y.count)
    }

    /// Draws of consecutive counters, as `DropoutMask.draw` gives them one by one.
    package func draws(key: UInt64, firstCounter: UInt64, count: Int) -> [UInt32] {
        var draws = [UInt32](repeating: 0, count: count)
        // SAFETY: `count` numbers of the array are written.
        unsafe draws.withUnsafeMutableBufferPointer { buffer in
            unsafe kernels_draws(code, key, firstCounter, buffer.baseAddress, count)
        }
        return draws
    }

    /// Φ(x) of the standard normal, in place, as `gelu` takes it.
    package func normalCDF(_ values: inout MutableSpan<Float>) {
        let count = values.count
        // SAFETY: `count` numbers are read and written.
        unsafe values.withUnsafeMutableBufferPointer {
            unsafe kernels_normal_cdf(code, $0.baseAddress, count)
        }
    }

    /// ln(1 + x) for 0 ≤ x ≤ 1, in place, as `binaryCrossEntropy` takes it.
    package func log1p(_ values: inout MutableSpan<Float>) {
        let count = values.count
        // SAFETY: `count` numbers are read and written.
        unsafe values.withUnsafeMutableBufferPointer {
            unsafe kernels_log1p(code, $0.baseAddress, count)
        }
    }

    /// ln(x) for normal x > 0, in place, as `softmaxCrossEntropy` takes it.
    package func log(_ values: inout MutableSpan<Float>) {
        let count = values.count
        // SAFETY: `count` numbers are read and written.
        unsafe values.withUnsafeMutableBufferPointer {
            unsafe kernels_log(code, $0.baseAddress, count)
        }
    }
}

extension DropoutMask {
    /// What C wants; a threshold of 0 for p = 0.
    var constants: kernels_mask {
        kernels_mask(
            key: key, first_counter: firstCounter, threshold: threshold,
            scale: Float(1 / (1 - probability)))
    }
}
