/// What changed between two snapshots.
package struct SnapshotDifference: Sendable, Equatable {
    /// How some numbers are spread: sampled at the deciles.
    package struct Spread: Sendable, Equatable {
        /// Eleven: least, 10 %, … 90 %, greatest; the first and the last are exact, the others
        /// nearest ranks within a relative 2⁻¹¹, and 0 where they are below 2⁻²⁴.
        package var deciles: [Double]
        package var mean: Double

        package init(deciles: [Double], mean: Double) {
            self.deciles = deciles
            self.mean = mean
        }
    }

    /// How far users moved within one part.
    package struct Part: Sendable, Equatable {
        package var name: String
        package var width: Int
        /// 1 − cosine, 0…2; 0 between two zero vectors, 1 where one of them is zero.
        package var cosine: Spread
        /// Length of the difference.
        package var euclidean: Spread

        package init(name: String, width: Int, cosine: Spread, euclidean: Spread) {
            self.name = name
            self.width = width
            self.cosine = cosine
            self.euclidean = euclidean
        }
    }

    /// One user who moved far.
    package struct Moved: Sendable, Equatable {
        package var user: Int64
        /// Mean of 1 − cosine over the parts compared.
        package var cosine: Double
        /// Length of the difference over all of their columns.
        package var euclidean: Double

        package init(user: Int64, cosine: Double, euclidean: Double) {
            self.user = user
            self.cosine = cosine
            self.euclidean = euclidean
        }
    }

    package var from: Int64
    package var to: Int64
    package var fromUsers: Int64 = 0
    package var toUsers: Int64 = 0
    /// Users in both.
    package var commonUsers: Int64 = 0
    /// Users in `to` alone: how many, and the first few, ascending.
    package var addedUsers: Int64 = 0
    package var added: [Int64] = []
    /// Users in `from` alone.
    package var removedUsers: Int64 = 0
    package var removed: [Int64] = []
    /// Why no columns are compared; nil when they are.
    package var incomparable: String?
    /// Parts of both, in the order of `from`.
    package var parts: [Part] = []
    /// The farthest first, equal ones by user.
    package var moved: [Moved] = []

    /// A difference in which nothing was found yet.
    package init(from: Int64, to: Int64) {
        self.from = from
        self.to = to
    }
}

/// Counts numbers ≥ 0 by magnitude, in bins of a relative width of 2⁻¹⁰ between 2⁻²⁴ and 2²⁴.
struct MagnitudeHistogram {
    /// Bin 0 is what is below 2⁻²⁴; the others follow the bits of a Float32 without its last 13,
    /// which ascend with the number (IEEE 754-2019, 3.4).
    private static let shift: UInt32 = 13
    private static let base = Float(sign: .plus, exponent: -24, significand: 1).bitPattern >> shift
    private static let last = Float(sign: .plus, exponent: 24, significand: 1).bitPattern >> shift

    private var bins = [Int64](repeating: 0, count: Int(last - base) + 2)
    private var count: Int64 = 0
    private var sum = 0.0
    private var least = Double.infinity
    private var greatest = 0.0

    mutating func add(_ value: Double) {
        let bits = Float(value).bitPattern >> Self.shift
        bins[bits < Self.base ? 0 : Int(min(bits, Self.last) - Self.base) + 1] += 1
        count += 1
        sum += value
        least = min(least, value)
        greatest = max(greatest, value)
    }

    /// The spread of what was added; zeros when nothing was.
    var spread: SnapshotDifference.Spread {
        guard count > 0 else { return .init(deciles: Array(repeating: 0, count: 11), mean: 0) }
        var deciles = [least]
        var seen: Int64 = 0
        var bin = -1
        for tenth in 1...9 {
            // The smallest number that at least so many are not above.
            let rank = max(1, (Int64(tenth) * count + 9) / 10)
            while seen < rank {
                bin += 1
                seen += bins[bin]
            }
            deciles.append(min(max(Self.middle(of: bin), least), greatest))
        }
        deciles.append(greatest)
        return .init(deciles: deciles, mean: sum / Double(count))
    }

    private static func middle(of bin: Int) -> Double {
        guard bin > 0 else { return 0 }
        let bits = (UInt32(bin - 1) + base) << shift | 1 << (shift - 1)
        return Double(Float(bitPattern: bits))
    }
}
