/// A function with a gradient that `LimitedMemoryBFGS` can minimise.
protocol SmoothFunction {
    var dimension: Int { get }
    /// The value at `point`, `[dimension]`; writes the gradient, `[dimension]`.
    func value(at point: [Double], gradient: inout [Double]) -> Double
}

/// Minimises a convex function from 0 by L-BFGS (Liu and Nocedal 1989, doi:10.1007/BF01589116).
///
/// Step lengths satisfy the weak Wolfe conditions, found by bisection (Lewis and Overton 2013,
/// doi:10.1007/s10107-012-0514-2). One thread, one order of sums.
struct LimitedMemoryBFGS {
    /// Stops when no entry of the gradient is larger.
    let tolerance: Double
    /// Most steps.
    var stepLimit = 2000

    /// Pairs of steps and changes of gradient that are remembered.
    private static let memoryLimit = 20
    /// Most evaluations along one direction.
    private static let trialLimit = 40

    init(tolerance: Double) { self.tolerance = tolerance }

    /// Where the function is least, as far as steps led to less.
    func minimum(of function: some SmoothFunction) -> (point: [Double], stepCount: Int) {
        var here = Place(point: [Double](repeating: 0, count: function.dimension), function)
        var memory: [Pair] = []
        for step in 0..<stepLimit {
            guard here.gradient.contains(where: { abs($0) > tolerance }) else {
                return (here.point, step)
            }
            let direction = Self.direction(here.gradient, memory)
            // Without memory, the gradient's length says nothing of the step's.
            let first =
                memory.isEmpty ? 1 / max(1, dot(here.gradient, here.gradient).squareRoot()) : 1
            guard let next = Self.search(here, direction, first, function) else {
                // Rounding hides any further descent.
                return (here.point, step)
            }
            let pair = Pair(
                step: zip(next.point, here.point).map { $0 - $1 },
                change: zip(next.gradient, here.gradient).map { $0 - $1 })
            if pair.product > 0 {
                if memory.count == Self.memoryLimit { memory.removeFirst() }
                memory.append(pair)
            }
            here = next
        }
        return (here.point, stepLimit)
    }

    /// −H g by the two loops.
    private static func direction(_ gradient: [Double], _ memory: [Pair]) -> [Double] {
        var direction = gradient.map { -$0 }
        var shares = [Double](repeating: 0, count: memory.count)
        for index in memory.indices.reversed() {
            shares[index] = dot(memory[index].step, direction) / memory[index].product
            add(-shares[index], memory[index].change, to: &direction)
        }
        if let last = memory.last {
            let scale = last.product / dot(last.change, last.change)
            for place in direction.indices { direction[place] *= scale }
        }
        for (pair, share) in zip(memory, shares) {
            add(share - dot(pair.change, direction) / pair.product, pair.step, to: &direction)
        }
        return direction
    }

    private static func search(
        _ here: Place, _ direction: [Double], _ first: Double, _ function: some SmoothFunction
    ) -> Place? {
        let slope = dot(here.gradient, direction)
        guard slope < 0 else { return nil }
        var (low, high, length) = (0.0, Double.infinity, first)
        for _ in 0..<trialLimit {
            let point = zip(here.point, direction).map { $0 + length * $1 }
            let next = Place(point: point, function)
            if !(next.value <= here.value + 1e-4 * length * slope) {
                high = length
            } else if dot(next.gradient, direction) < 0.9 * slope {
                low = length
            } else {
                return next
            }
            length = high < .infinity ? (low + high) / 2 : 2 * length
        }
        return nil
    }

    /// A point, and the function there.
    private struct Place {
        let point: [Double]
        let value: Double
        let gradient: [Double]

        init(point: [Double], _ function: some SmoothFunction) {
            var gradient = [Double](repeating: 0, count: point.count)
            value = function.value(at: point, gradient: &gradient)
            self.point = point
            self.gradient = gradient
        }
    }

    /// A step, and what it changed of the gradient.
    private struct Pair {
        let step: [Double]
        let change: [Double]
        let product: Double

        init(step: [Double], change: [Double]) {
            self.step = step
            self.change = change
            product = dot(step, change)
        }
    }
}

private func dot(_ left: [Double], _ right: [Double]) -> Double {
    var sum = 0.0
    for place in left.indices { sum += left[place] * right[place] }
    return sum
}

private func add(_ share: Double, _ values: [Double], to sums: inout [Double]) {
    for place in sums.indices { sums[place] += share * values[place] }
}
