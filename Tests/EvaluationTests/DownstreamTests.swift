import Evaluation
import Glibc
import Kernels
import Learning
import Storage
import TestSupport
import Testing

/// The downstream network against PyTorch (Tests/Golden/make_downstream_goldens.py, torch 2.15).
@Suite struct DownstreamTests {
    private static let configuration = DownstreamConfiguration(
        name: "golden", width: 6, hiddenWidth: 10, blockCount: 2)
    private static let userCount = 7

    private func network<S: TrainingScalar>(_: S.Type) -> DownstreamNetwork<S> {
        DownstreamNetwork(Self.configuration, inputWidth: 5, outputWidth: 3)
    }

    /// The weights by the golden program's formula.
    private func weights<S: TrainingScalar>(_ layout: ParameterLayout, _: S.Type) -> Matrix<S> {
        let weights = Matrix<S>(rows: 1, columns: layout.count)
        for (k, entry) in layout.entries.enumerated() {
            let isNorm = entry.name.contains("ln_") || entry.name.contains("layernorms")
            let rest = isNorm && entry.name.hasSuffix("weight") ? 1.0 : 0
            for i in 0..<entry.count {
                weights[entry.start + i] = S(
                    0.4 * sin(1.37 * Double(i) + 0.11 * Double(k)) + rest)
            }
        }
        return weights
    }

    private func inputs<S: TrainingScalar>(_: S.Type) -> Matrix<S> {
        let x = Matrix<S>(rows: Self.userCount, columns: 5)
        for u in 0..<Self.userCount {
            for j in 0..<5 {
                x[u, j] = S(sin(0.9 * Double(u) + 0.4 * Double(j) + 0.3 * Double(u) * Double(j)))
            }
        }
        return x
    }

    private func labels<S: TrainingScalar>(_: S.Type) -> Matrix<S> {
        let labels = Matrix<S>(rows: Self.userCount, columns: 3)
        for u in 0..<Self.userCount {
            for j in 0..<3 { labels[u, j] = (u + j) % 3 == 0 ? 1 : 0 }
        }
        return labels
    }

    private func goldens() throws -> [String: (shape: [Int], values: [Double])] {
        let file = try SafetensorsFile.read(
            goldenPath("downstream_goldens.safetensors"), on: RealDisk())
        var byName: [String: (shape: [Int], values: [Double])] = [:]
        for tensor in file.tensors {
            guard case .int64(let bits) = tensor.values else { continue }
            byName[tensor.name] = (
                tensor.shape, bits.map { Double(bitPattern: UInt64(bitPattern: $0)) }
            )
        }
        return byName
    }

    private func expectEqual<S: TrainingScalar>(
        _ flat: Matrix<S>, _ layout: ParameterLayout, _ prefix: String, tolerance: Double
    ) throws {
        let goldens = try goldens()
        for entry in layout.entries {
            let golden = try #require(goldens["\(prefix).\(entry.name)"], "\(entry.name)")
            #expect(golden.shape == entry.shape)
            for (i, wanted) in golden.values.enumerated() {
                let own = Double(flat[entry.start + i])
                #expect(abs(own - wanted) <= tolerance, "\(prefix).\(entry.name) \(i)")
            }
        }
        #expect(goldens.keys.count { $0.hasPrefix(prefix) } == layout.entries.count)
    }

    @Test func `logits, loss and gradients are PyTorch's`() throws {
        let network = network(Double.self)
        let gradients = Matrix<Double>(rows: 1, columns: network.layout.count)
        let pass = NetworkPass(
            layout: network.layout, weights: weights(network.layout, Double.self),
            gradients: gradients, workspace: Workspace())
        let goldens = try goldens()
        let logits = network.forward(inputs(Double.self), pass).logits.values
        let wanted = try #require(goldens["logits"]).values
        #expect(zip(logits, wanted).allSatisfy { abs($0 - $1) < 1e-12 } && logits.count == 21)
        let loss = network.loss(inputs(Double.self), labels: labels(Double.self), pass)
        #expect(abs(loss - (try #require(goldens["loss"]).values[0])) < 1e-12)
        try expectEqual(gradients, network.layout, "gradients", tolerance: 1e-12)
    }

    /// Six steps of AdamW over batches of three users, the last of one.
    private func train<S: TrainingScalar>(_: S.Type) -> (losses: [Double], weights: Matrix<S>) {
        let network = network(S.self)
        let weights = weights(network.layout, S.self)
        let count = network.layout.count
        let (gradients, first, second) = (
            Matrix<S>(rows: 1, columns: count), Matrix<S>(rows: 1, columns: count),
            Matrix<S>(rows: 1, columns: count)
        )
        let (x, y) = (inputs(S.self), labels(S.self))
        var losses: [Double] = []
        for _ in 0..<2 {
            for start in stride(from: 0, to: Self.userCount, by: 3) {
                let batch = start..<min(Self.userCount, start + 3)
                gradients.fill(0)
                let pass = NetworkPass(
                    layout: network.layout, weights: weights, gradients: gradients,
                    workspace: Workspace())
                losses.append(network.loss(x.rows(batch), labels: y.rows(batch), pass))
                var step = AdamStep(
                    number: losses.count, learningRate: Self.configuration.learningRate)
                step.weightDecay = Self.configuration.weightDecay
                step.isDecoupled = true
                S.adam(
                    weights: weights, gradients: gradients, first: first, second: second,
                    step: step)
            }
        }
        return (losses, weights)
    }

    @Test func `six steps of AdamW are PyTorch's`() throws {
        let own = train(Double.self)
        let wanted = try #require(try goldens()["losses"]).values
        #expect(own.losses.count == wanted.count)
        #expect(zip(own.losses, wanted).allSatisfy { abs($0 - $1) < 1e-10 })
        let layout = network(Double.self).layout
        try expectEqual(own.weights, layout, "weights", tolerance: 1e-10)
    }

    @Test func `and in Float32 within its rounding`() throws {
        let own = train(Float.self)
        let wanted = try #require(try goldens()["losses"]).values
        #expect(zip(own.losses, wanted).allSatisfy { abs($0 - $1) < 1e-5 })
        // Adam divides by the root of what may be rounding: weights whose gradient is 0.
        let layout = network(Float.self).layout
        try expectEqual(own.weights, layout, "weights", tolerance: 2e-4)
    }

    // PyTorch's counts of the published module: make_downstream_goldens.py prints them.
    @Test(
        arguments: [
            (320, 1, 51_030_017), (320, 100, 51_232_868), (2048, 1, 54_568_961),
            (2048, 100, 54_771_812),
        ])
    func `the published size has as many parameters as the published one`(
        inputWidth: Int, outputWidth: Int, count: Int
    ) {
        let network = DownstreamNetwork<Float>(
            .published, inputWidth: inputWidth, outputWidth: outputWidth)
        #expect(network.layout.count == count)
        #expect(network.layout.entries.first?.name == "input_projection.weight")
        #expect(network.layout.entries.last?.name == "linear_output.bias")
    }

    @Test func `begins as PyTorch does`() {
        let network = DownstreamNetwork<Float>(.small, inputWidth: 16, outputWidth: 2)
        let weights = network.layout.initialWeights(seed: 1278)
        for entry in network.layout.entries {
            let values = (entry.start..<entry.start + entry.count).map { weights[$0] }
            let isNorm = entry.name.contains("ln_") || entry.name.contains("layernorms")
            if isNorm {
                let wanted: Float = entry.name.hasSuffix("weight") ? 1 : 0
                #expect(values.allSatisfy { $0 == wanted }, "\(entry.name)")
                continue
            }
            // U(±1/√in); a bias has the fan-in of its layer's weight.
            let layer = entry.name.split(separator: ".").dropLast().joined(separator: ".")
            let fanIn = network.layout.entries.first { $0.name == "\(layer).weight" }?.shape[1] ?? 0
            let bound = 1 / Float(fanIn).squareRoot()
            #expect(values.allSatisfy { abs($0) <= bound }, "\(entry.name)")
            if values.count > 100 {
                #expect(values.contains { $0 > 0.9 * bound }, "\(entry.name)")
                #expect(values.contains { $0 < -0.9 * bound }, "\(entry.name)")
            }
        }
    }
}
