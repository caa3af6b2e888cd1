import Kernels
import Storage

/// Draws from the model's distributions; every elementary function is `Elementary`'s, so that a
/// draw has the same bits on every machine.
extension SeededRandom {
    /// The generator of one part of the simulation, apart from every other part's.
    init(_ seed: UInt64, _ part: SimulationPart, _ index: Int) {
        let mixed = SeededRandom.mix(seed ^ SeededRandom.mix(part.rawValue))
        self.init(seed: mixed, stream: UInt64(index))
    }

    /// A whole number in 0..<count, by multiplication: the bias is below count / 2⁶⁴.
    mutating func below(_ count: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(count)).high)
    }

    /// True with probability `chance`.
    mutating func happens(_ chance: Double) -> Bool { nextUnit() < chance }

    /// A standard normal number (Marsaglia's polar method, doi:10.1137/1006063).
    mutating func normal() -> Double {
        while true {
            let x = 2 * nextUnit() - 1
            let y = 2 * nextUnit() - 1
            let square = x * x + y * y
            if square > 0, square < 1 {
                return x * (-2 * Elementary.ln(square) / square).squareRoot()
            }
        }
    }

    /// Eight independent standard normal numbers.
    mutating func normalVector() -> Latent {
        var vector = Latent(repeating: 0)
        for index in 0..<Latent.scalarCount { vector[index] = normal() }
        return vector
    }

    /// A Poisson number by inversion of its distribution, at most `limit`.
    mutating func poisson(mean: Double, limit: Int) -> Int {
        var rest = nextUnit()
        var chance = Elementary.exp(-mean)
        var count = 0
        while rest >= chance, count < limit {
            rest -= chance
            count += 1
            chance *= mean / Double(count)
        }
        return count
    }

    /// A rank in 0..<count whose chance falls as about 1 / (rank + 1): `(count + 1)ᵁ − 1`.
    mutating func rank(logOfCountPlusOne: Double, count: Int) -> Int {
        min(count - 1, Int(Elementary.exp(nextUnit() * logOfCountPlusOne)) - 1)
    }
}

/// What a stream of random numbers is for; a number is never given to something else.
enum SimulationPart: UInt64 {
    case departments = 1
    case categories
    case items
    case prices
    case queries
    case names
    case ids
    case user
    case lateness
}

/// A geometric distribution on the whole numbers from 0.
struct Geometric: Sendable {
    private let inverseLog: Double

    /// - Parameter mean: > 0.
    init(mean: Double) { inverseLog = 1 / Elementary.ln(mean / (1 + mean)) }

    /// One draw, at most `limit`.
    func draw(_ random: inout SeededRandom, limit: Int) -> Int {
        let value = Elementary.ln(1 - random.nextUnit()) * inverseLog
        return value < Double(limit) ? Int(value) : limit
    }
}

/// A point of the space in which items, categories and tastes lie.
typealias Latent = SIMD8<Double>

extension SIMD8<Double> {
    /// The inner product, summed in the order of the components.
    func dot(_ other: Self) -> Double {
        var sum = 0.0
        for index in 0..<Self.scalarCount { sum += self[index] * other[index] }
        return sum
    }

    /// The same direction with length `length`.
    func scaled(to length: Double) -> Self { self * (length / dot(self).squareRoot()) }
}

/// σ(x) = 1 / (1 + e⁻ˣ).
func logistic(_ x: Double) -> Double { 1 / (1 + Elementary.exp(-x)) }
