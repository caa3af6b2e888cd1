import Encoders
import Kernels
import Storage

/// Sizes of an MTL network, and tensors for it; written out here, so that they check the encoder's.
struct MTLFixture {
    var inputWidth = 64
    var encoderWidths = [128]
    var forwardWidth = 256
    var residualWidth = 512
    var latentWidth = 128
    var headWidths = [512, 256]
    var outputs = [1, 100, 100]

    /// Names and shapes in the published order of parameters (reference §11).
    var shapes: [(name: String, shape: [Int])] {
        var shapes: [(name: String, shape: [Int])] = []
        var inputs = inputWidth
        for (index, width) in encoderWidths.enumerated() {
            shapes += [
                ("encoder.\(index).weight_ih_l0", [3 * width, inputs]),
                ("encoder.\(index).weight_hh_l0", [3 * width, width]),
                ("encoder.\(index).bias_ih_l0", [3 * width]),
                ("encoder.\(index).bias_hh_l0", [3 * width]),
            ]
            inputs = width
        }
        func linear(_ name: String, _ inputs: Int, _ outputs: Int) {
            shapes += [("\(name).weight", [outputs, inputs]), ("\(name).bias", [outputs])]
        }
        func norm(_ name: String, _ width: Int) {
            shapes += [("\(name).weight", [width]), ("\(name).bias", [width])]
        }
        let width = inputs
        shapes += [
            ("transformer.self_attn.in_proj_weight", [3 * width, width]),
            ("transformer.self_attn.in_proj_bias", [3 * width]),
        ]
        linear("transformer.self_attn.out_proj", width, width)
        linear("transformer.linear1", width, forwardWidth)
        linear("transformer.linear2", forwardWidth, width)
        norm("transformer.norm1", width)
        norm("transformer.norm2", width)
        norm("pool_norm", width)
        linear("mlp.linear1", width, residualWidth)
        norm("mlp.norm1", residualWidth)
        linear("mlp.linear2", residualWidth, width)
        norm("mlp.norm2", width)
        linear("latent", width, latentWidth)
        for (task, count) in zip(["churn", "category", "item"], outputs) {
            linear("\(task).0", latentWidth, headWidths[0])
            linear("\(task).3", headWidths[0], headWidths[1])
            linear("\(task).6", headWidths[1], count)
        }
        return shapes
    }

    /// Tensor k, row-major index i: `value(k, i)`.
    func tensors(_ value: (Int, Int) -> Double) -> [NamedTensor] {
        shapes.enumerated().map { k, tensor in
            let count = tensor.shape.reduce(1, *)
            return NamedTensor(
                name: tensor.name, shape: tensor.shape,
                values: (0..<count).map { Float(value(k, $0)) })
        }
    }

    /// Seeded tensors of a size that keeps activations apart.
    func seeded(_ seed: UInt64) -> [NamedTensor] {
        shapes.enumerated().map { k, tensor in
            var random = SeededRandom(seed: seed, stream: UInt64(k))
            let width = tensor.shape[tensor.shape.count - 1]
            let bound = tensor.shape.count == 2 ? 2 / Double(width).squareRoot() : 1
            let count = tensor.shape.reduce(1, *)
            return NamedTensor(
                name: tensor.name, shape: tensor.shape,
                values: (0..<count).map { _ in Float((2 * random.nextUnit() - 1) * bound) })
        }
    }
}

/// Users with windows of rows, one after another as `MTLEncoder.encode` takes them.
struct MTLUsers {
    var rows: [UInt16] = []
    var lengths: [Int] = []
    var states: [Float] = []
    private let width: Int
    private let stateWidth: Int

    /// Seeded users of 0…64 rows, few of them long, with states of their own.
    init(count: Int, width: Int, stateWidth: Int, seed: UInt64) {
        self.width = width
        self.stateWidth = stateWidth
        var random = SeededRandom(seed: seed, stream: 0)
        for user in 0..<count {
            let unit = random.nextUnit()
            lengths.append(user == 0 ? 64 : Int(64 * unit * unit * unit))
        }
        for _ in 0..<lengths.reduce(0, +) * width {
            rows.append(halfBits(Float(2 * random.nextUnit() - 1)))
        }
        for _ in 0..<count * stateWidth { states.append(Float(2 * random.nextUnit() - 1)) }
    }

    private init(width: Int, stateWidth: Int) {
        self.width = width
        self.stateWidth = stateWidth
    }

    /// Some of the users, in this order.
    func picked(_ users: [Int]) -> MTLUsers {
        var starts = [0]
        for length in lengths { starts.append((starts.last ?? 0) + length * width) }
        var picked = MTLUsers(width: width, stateWidth: stateWidth)
        for user in users {
            picked.rows += rows[starts[user]..<starts[user + 1]]
            picked.lengths.append(lengths[user])
            picked.states += states[user * stateWidth..<(user + 1) * stateWidth]
        }
        return picked
    }

    func encoded(by encoder: MTLEncoder) -> MTLOutputs {
        encoder.encode(rows: rows.span, lengths: lengths, states: states.span)
    }
}

extension MTLOutputs {
    /// The outputs of some of B users, in this order.
    func picked(_ users: [Int], of count: Int) -> MTLOutputs {
        func rows(_ values: [Float]) -> [Float] {
            let width = values.count / count
            return users.flatMap { values[$0 * width..<($0 + 1) * width] }
        }
        var picked = MTLOutputs()
        picked.latents = rows(latents)
        picked.churn = rows(churn)
        picked.categories = rows(categories)
        picked.items = rows(items)
        return picked
    }

    func isSame(as other: MTLOutputs) -> Bool {
        let pairs = [
            (latents, other.latents), (churn, other.churn), (categories, other.categories),
            (items, other.items),
        ]
        return pairs.allSatisfy { $0.map(\.bitPattern) == $1.map(\.bitPattern) }
    }
}
