import Evaluation
import Events
import Storage

/// Profiles in two dimensions: their first two principal components.
package struct ProfileMap: Sendable, Equatable {
    /// One user.
    package struct Point: Sendable, Equatable {
        package var x: Double
        package var y: Double
        /// Index into `groups`.
        package var group: Int
    }

    package var points: [Point]
    /// The most frequent top categories, then the other ones together, then none.
    package var groups: [String]
    /// Groups that have a colour of their own; the others are grey.
    package var namedGroupCount: Int
    /// What it shows, in words.
    package var caption: String

    package init(points: [Point], groups: [String], namedGroupCount: Int, caption: String) {
        self.points = points
        self.groups = groups
        self.namedGroupCount = namedGroupCount
        self.caption = caption
    }

    /// Users that are shown, at most.
    static let userLimit = 2000
    /// Categories that have a colour of their own, at most.
    static let colourLimit = 8
}

extension ProfileMap {
    /// Each user's category of most product events before the cutoff, in the order of `shop.users`.
    ///
    /// The lowest of equals; nil of users without one.
    static func topCategories(_ shop: ShopEvents, before cutoff: Int64) -> [Int64?] {
        var counts: [UInt32: [Int64: Int]] = [:]
        for entry in shop.entries where entry.kind.isProduct && entry.seconds < cutoff {
            guard let category = shop.items[ItemID(rawValue: entry.key)]?.category else { continue }
            counts[entry.user, default: [:]][category, default: 0] += 1
        }
        return shop.users.indices.map { user in
            counts[UInt32(user)]?.min { ($1.value, $0.key) < ($0.value, $1.key) }?.key
        }
    }

    /// The users to show: those with a top category before the others, else by a mix of their place
    /// and the seed; their indices, ascending.
    static func sample(_ categories: [Int64?], seed: UInt64, limit: Int = userLimit) -> [Int] {
        let order = categories.indices.sorted { left, right in
            let key = { (index: Int) in
                (categories[index] == nil ? 1 : 0, SeededRandom.mix(seed &+ UInt64(index)))
            }
            return key(left) < key(right)
        }
        return order.prefix(limit).sorted()
    }

    /// Puts the sampled users' profiles on the map.
    ///
    /// - Parameters:
    ///   - rows: `[users, width]`, the sampled users' profiles.
    ///   - width: columns.
    ///   - categories: the same users' top categories.
    ///   - seed: of the first guess at the components.
    init(rows: [Float], width: Int, categories: [Int64?], seed: UInt64) {
        let analysis = PrincipalComponents(rows: rows, width: width, seed: seed)
        var counts: [Int64: Int] = [:]
        for case let category? in categories { counts[category, default: 0] += 1 }
        let named = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .prefix(Self.colourLimit).map(\.key)
        var groups = named.map { "category \($0)" }
        let hasOthers = counts.count > named.count
        if hasOthers { groups.append("other categories") }
        if categories.contains(nil) { groups.append("no product event") }
        let last = groups.count - 1
        points = categories.enumerated().map { index, category in
            let group =
                category.map { named.firstIndex(of: $0) ?? named.count } ?? last
            return Point(x: analysis.first[index], y: analysis.second[index], group: group)
        }
        self.groups = groups
        namedGroupCount = named.count
        let shares = analysis.shares.map { Markup.fixed(100 * $0, 0) }
        caption =
            "\(Markup.grouped(categories.count)) users by the first two principal components of "
            + "their standardised profiles (\(shares[0]) and \(shares[1]) % of the variance); colour "
            + "is the category of most of a user's product events before the cutoff."
    }
}

/// The first two principal components of standardised columns, by power iteration in Float64.
struct PrincipalComponents {
    /// Each row's two coordinates.
    let first: [Double]
    let second: [Double]
    /// The share of the variance of each, 0…1.
    let shares: [Double]

    private static let iterationLimit = 200
    private static let tolerance = 1e-10

    /// - Parameters:
    ///   - rows: `[n, width]`; numbers that are not finite count as 0.
    ///   - width: columns, ≥ 1.
    ///   - seed: of the first guess; it decides no more than how many iterations it takes.
    init(rows: [Float], width: Int, seed: UInt64) {
        precondition(width > 0 && rows.count % width == 0, "PrincipalComponents: \(rows.count)")
        let count = rows.count / width
        let columns = Self.standardised(rows, width)
        let total = columns.reduce(0) { $0 + $1 * $1 }
        var directions: [[Double]] = []
        var coordinates: [[Double]] = []
        for index in 0..<2 {
            var random = SeededRandom(seed: seed, stream: UInt64(index))
            var direction = (0..<width).map { _ in random.nextUnit() - 0.5 }
            Self.normalise(&direction, against: directions)
            for _ in 0..<Self.iterationLimit {
                let projected = Self.project(columns, width, direction)
                var next = Self.gather(columns, width, projected)
                Self.normalise(&next, against: directions)
                let cosine = zip(direction, next).reduce(0) { $0 + $1.0 * $1.1 }
                direction = next
                if 1 - cosine.magnitude < Self.tolerance { break }
            }
            // Which end is positive is nobody's choice otherwise.
            let peak = direction.indices.max { direction[$0].magnitude < direction[$1].magnitude }
            if let peak, direction[peak] < 0 { direction = direction.map { -$0 } }
            directions.append(direction)
            coordinates.append(count > 0 ? Self.project(columns, width, direction) : [])
        }
        first = coordinates[0]
        second = coordinates[1]
        shares = coordinates.map { values in
            total > 0 ? values.reduce(0) { $0 + $1 * $1 } / total : 0
        }
    }

    /// Columns with mean 0 and variance 1; constant ones become 0.
    private static func standardised(_ rows: [Float], _ width: Int) -> [Double] {
        var out = rows.map { $0.isFinite ? Double($0) : 0 }
        let count = out.count / width
        guard count > 0 else { return out }
        for column in 0..<width {
            var (sum, squares) = (0.0, 0.0)
            for row in 0..<count { sum += out[row * width + column] }
            let mean = sum / Double(count)
            for row in 0..<count {
                let centred = out[row * width + column] - mean
                out[row * width + column] = centred
                squares += centred * centred
            }
            let deviation = (squares / Double(count)).squareRoot()
            let scale = deviation > 1e-9 ? 1 / deviation : 0
            for row in 0..<count { out[row * width + column] *= scale }
        }
        return out
    }

    /// X v, `[n]`.
    private static func project(_ x: [Double], _ width: Int, _ v: [Double]) -> [Double] {
        let (span, direction) = (x.span, v.span)
        return (0..<x.count / width).map { row in
            var sum = 0.0
            for column in 0..<width { sum += span[row * width + column] * direction[column] }
            return sum
        }
    }

    /// Xᵀ u, `[width]`.
    private static func gather(_ x: [Double], _ width: Int, _ u: [Double]) -> [Double] {
        var out = [Double](repeating: 0, count: width)
        var sums = out.mutableSpan
        let span = x.span
        for row in u.indices {
            let weight = u[row]
            for column in 0..<width { sums[column] += weight * span[row * width + column] }
        }
        return out
    }

    /// Makes it as long as 1 and orthogonal to what was found before; a zero stays.
    private static func normalise(_ v: inout [Double], against found: [[Double]]) {
        for other in found {
            let share = zip(v, other).reduce(0) { $0 + $1.0 * $1.1 }
            for index in v.indices { v[index] -= share * other[index] }
        }
        let length = v.reduce(0) { $0 + $1 * $1 }.squareRoot()
        guard length > 1e-300 else { return }
        for index in v.indices { v[index] /= length }
    }
}
