import Kernels

/// GRUs on top of each other with skip connections, one row a step.
///
///     o_j = GRU_j(o_{j−1}) + Σ o_i over i ≤ j − 2 of equal width,   o_{−1} = row
///
/// As published (reference §5.1; the paper's §4.1.3). A skip changes what the next layer reads, not
/// the layer's own hidden state. With one layer there is no sum.
struct PackedGRUStack: Sendable {
    let layers: [PackedGRU]
    /// S: the layers' hidden widths together; a user's state is theirs side by side.
    let stateWidth: Int

    init(layers: [PackedGRU]) {
        precondition(!layers.isEmpty, "PackedGRUStack: no layers")
        self.layers = layers
        stateWidth = layers.reduce(0) { $0 + $1.hiddenWidth }
    }

    /// D.
    var inputWidth: Int { layers[0].inputWidth }
    /// Width of the last layer.
    var outputWidth: Int { layers[layers.count - 1].hiddenWidth }

    /// The layers whose outputs are added to that of layer `index`.
    func skips(to index: Int) -> [Int] {
        (0..<max(index - 1, 0)).filter { layers[$0].hiddenWidth == layers[index].hiddenWidth }
    }

    /// Advances the first n users' states by one row each.
    ///
    /// - Parameters:
    ///   - inputs: `[n, D]`.
    ///   - states: `[B, H]` of each layer, B ≥ n; the first n rows change.
    ///   - kernels: of the level in use.
    ///   - scratch: one for each layer.
    /// - Returns: `[n, H]` the last layer's outputs.
    func step(
        _ inputs: [Float], states: inout [[Float]], kernels: FloatKernels,
        scratch: inout [GRUScratch]
    ) -> [Float] {
        var outputs: [[Float]] = []
        for (index, layer) in layers.enumerated() {
            let read = outputs.last ?? inputs
            let count = read.count / layer.inputWidth * layer.hiddenWidth
            advance(index, read, count, &states[index], kernels, &scratch[index])
            var output = Array(states[index][..<count])
            for below in skips(to: index) {
                kernels.add(outputs[below], to: &output)
            }
            outputs.append(output)
        }
        return outputs[layers.count - 1]
    }

    private func advance(
        _ index: Int, _ inputs: [Float], _ count: Int, _ states: inout [Float],
        _ kernels: FloatKernels, _ scratch: inout GRUScratch
    ) {
        var all = states.mutableSpan
        var some = all._mutatingExtracting(first: count)
        layers[index].step(
            inputs: inputs.span, hidden: &some, level: kernels.level, scratch: &scratch)
    }

    /// Memory that `step` overwrites.
    func makeScratch() -> [GRUScratch] {
        layers.map { GRUScratch(hiddenWidth: $0.hiddenWidth) }
    }

    /// `[B, S]` users' states as `[B, H]` of each layer, users in `order`.
    func split(_ states: Span<Float>, order: [Int]) -> [[Float]] {
        var start = 0
        return layers.map { layer in
            defer { start += layer.hiddenWidth }
            var part: [Float] = []
            part.reserveCapacity(order.count * layer.hiddenWidth)
            for user in order {
                let first = user * stateWidth + start
                for place in first..<first + layer.hiddenWidth { part.append(states[place]) }
            }
            return part
        }
    }
}
