import Kernels
import Learning
import Storage

/// BPR's equations in Double, one number at a time (arXiv:1205.2618, figure 4).
struct NaiveBPR {
    let factorCount: Int
    var users: [[Double]]
    var items: [[Double]]

    init(factorCount: Int) {
        self.factorCount = factorCount
        func row(_ seed: Int) -> [Double] {
            (0...factorCount).map { Double((seed * 31 + $0 * 17) % 23) / 16 - 0.625 }
        }
        users = (0..<3).map { row($0) }
        items = (0..<4).map { row($0 + 5) }
        for user in users.indices { users[user][factorCount] = 1 }
    }

    func matrices() -> (users: Matrix<Float>, items: Matrix<Float>) {
        let width = BPRKernels.rowWidth(factorCount: factorCount)
        func matrix(_ rows: [[Double]]) -> Matrix<Float> {
            let matrix = Matrix<Float>(rows: rows.count, columns: width)
            for (r, row) in rows.enumerated() {
                for (c, value) in row.enumerated() { matrix[r, c] = Float(value) }
            }
            return matrix
        }
        return (matrix(users), matrix(items))
    }

    mutating func run(_ triples: [Int32], pairs: BPRPairs) -> BPRKernels.Counts {
        var counts = BPRKernels.Counts()
        for start in stride(from: 0, to: triples.count, by: 3) {
            let (u, i, j) = (Int(triples[start]), Int(triples[start + 1]), Int(triples[start + 2]))
            if pairs.items[pairs.range(of: u)].contains(Int32(j)) { continue }
            let (w, a, b) = (users[u], items[i], items[j])
            let x = (0...factorCount).reduce(0.0) { $0 + w[$1] * (a[$1] - b[$1]) }
            let s = 1 / (1 + Elementary.exp(x))
            for f in 0...factorCount {
                if f < factorCount { users[u][f] += 0.5 * (s * (a[f] - b[f]) - 0.125 * w[f]) }
                items[i][f] += 0.5 * (s * w[f] - 0.125 * a[f])
                items[j][f] += 0.5 * (-s * w[f] - 0.125 * b[f])
            }
            counts.updated += 1
            if x > 0 { counts.ordered += 1 }
        }
        return counts
    }

    func difference(_ users: Matrix<Float>, _ items: Matrix<Float>) -> Double {
        var largest = 0.0
        for (rows, matrix) in [(self.users, users), (self.items, items)] {
            for r in 0..<matrix.rows {
                for c in 0..<matrix.columns {
                    let wanted = c <= factorCount ? rows[r][c] : 0
                    largest = max(largest, abs(wanted - Double(matrix[r, c])))
                }
            }
        }
        return largest
    }
}

extension NaiveBPR {
    /// A user's vector, its constant 1 last: the same descent on the vector itself, in Double.
    static func foldIn(_ liked: [Int], _ state: BPRState, _ shop: TasteShop) -> [Double] {
        let k = shop.options.factorCount
        func row(_ item: Int) -> [Double] { (0...k).map { Double(state.items[item, $0]) } }
        func dot(_ a: [Double], _ b: [Double]) -> Double {
            zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
        }
        let own = liked.map(row)
        let others = sampled(shop.interactions.popularity).filter { !liked.contains($0) }.map(row)
        let taken = Double(shop.options.rate) * Double(shop.options.epochCount * own.count)
        let penalty = Double(shop.options.regularization) + 1 / taken
        func mean(_ rows: [[Double]], _ weights: [Double]) -> [Double] {
            (0..<k).map { f in zip(rows, weights).reduce(0) { $0 + $1.0[f] * $1.1 } }
                .map { $0 / Double(rows.count) } + [0]
        }
        var v = [Double](repeating: 1, count: k) + [0]
        var curvature = 0.0
        for _ in 0..<8 {
            let length = dot(v, v).squareRoot()
            v = v.map { $0 / length }
            let g = zip(
                mean(own, own.map { dot($0, v) }), mean(others, others.map { dot($0, v) })
            ).map { $0.0 + $0.1 }
            curvature = dot(v, g)
            v = g
        }
        let bound = 0.55 * curvature + penalty
        var w = [Double](repeating: 0, count: k) + [1]
        v = w
        var momentum = 1.0
        for _ in 0..<BPRFactors.foldInRounds {
            let pulls = own.map { a in
                others.map { 1 / (1 + Elementary.exp(dot(a, v) - dot($0, v))) }
            }
            let up = mean(own, pulls.map { $0.reduce(0, +) / Double(others.count) })
            let ups = others.indices.map { j in pulls.reduce(0) { $0 + $1[j] } }
            let down = mean(others, ups.map { $0 / Double(own.count) })
            let following = (1 + (1 + 4 * momentum * momentum).squareRoot()) / 2
            for f in 0..<k {
                let moved = v[f] + (up[f] - down[f] - penalty * v[f]) / bound
                v[f] = moved + (momentum - 1) / following * (moved - w[f])
                w[f] = moved
            }
            momentum = following
        }
        return w
    }

    /// 128 items at equal steps of cumulated popularity, each looked for from the most popular one on.
    private static func sampled(_ popularity: [Int32]) -> [Int] {
        let order = popularity.indices.sorted { (popularity[$1], $0) < (popularity[$0], $1) }
        let total = popularity.reduce(0) { $0 + Double($1) }
        return (0..<128).map { step in
            var left = (Double(step) + 0.5) / 128 * total
            return order.first { item in
                left -= Double(popularity[item])
                return left < 0
            } ?? order[order.count - 1]
        }
    }
}

/// A small shop of three tastes: a user of taste t mostly buys items i ≡ t (mod 3).
struct TasteShop: Sendable {
    var interactions: BPRInteractions
    /// What each user bought later: what AUC asks for.
    let heldOut: [Set<Int>]
    let itemCount: Int
    var options = BPROptions(
        factorCount: 20, rate: 0.05, regularization: 0.01, epochCount: 60)

    init(userCount: Int, itemCount: Int) {
        self.itemCount = itemCount
        options.stretchStepCount = 7_001
        var random = SeededRandom(seed: 5, stream: 5)
        var events: [(user: Int32, item: Int32, weight: Float)] = []
        var heldOut: [Set<Int>] = []
        for user in 0..<userCount {
            var later: Set<Int> = []
            for draw in 0..<10 {
                var item = Int(random.nextUnit() * Double(itemCount))
                if random.nextUnit() < 0.85 { item = item / 3 * 3 + user % 3 }
                item = min(item, itemCount - 1)
                if draw < 7 {
                    events.append((user: Int32(user), item: Int32(item), weight: 1))
                } else {
                    later.insert(item)
                }
            }
            heldOut.append(later)
        }
        interactions = BPRInteractions(
            events: events, userCount: userCount, itemCount: itemCount)
        self.heldOut = heldOut
    }

    /// The interactions with so many pairs more, each of another user from the first one on: the
    /// first item that the user has not.
    func adding(pairCount: Int) -> BPRInteractions {
        let pairs = interactions.pairs
        var events: [(user: Int32, item: Int32, weight: Float)] = []
        for user in 0..<pairs.userCount {
            events += pairs.items[pairs.range(of: user)].map {
                (user: Int32(user), item: $0, weight: 1)
            }
        }
        for user in 0..<pairCount {
            let own = Set(likedItems(user))
            guard let item = (0..<itemCount).first(where: { !own.contains($0) }) else { continue }
            events.append((user: Int32(user), item: Int32(item), weight: 1))
        }
        return BPRInteractions(
            events: events, userCount: pairs.userCount, itemCount: itemCount)
    }

    func trained(threadCount: Int, level: InstructionLevel = .best) async throws -> BPRState {
        var state = BPRState(interactions: interactions, options: options)
        try await BPRTrainer(interactions: interactions, options: options, level: level)
            .run(&state, threadCount: threadCount)
        return state
    }

    func factors(_ state: BPRState, level: InstructionLevel) -> BPRFactors {
        BPRFactors(
            ids: (0..<itemCount).map { Int64($0 + 1_000) }, items: state.items,
            popularity: interactions.popularity, options: options, weights: .item, level: level)
    }

    func likedItems(_ user: Int) -> [Int] {
        interactions.pairs.items[interactions.pairs.range(of: user)].map { Int($0) }
    }

    /// The mean over users of the share of (bought later, not bought later) pairs in order.
    func heldOutAUC(
        vector: (Int) -> [Float], scores score: ([Float], [Int]) -> [Float]
    ) -> Double {
        var sum = 0.0
        for user in heldOut.indices {
            let own = vector(user)
            let scores = score(own, Array(0..<itemCount))
            var ordered = 0.0
            var count = 0.0
            for liked in heldOut[user].sorted() {
                for other in 0..<itemCount where !heldOut[user].contains(other) {
                    count += 1
                    if scores[liked] > scores[other] { ordered += 1 }
                    if scores[liked] == scores[other] { ordered += 0.5 }
                }
            }
            sum += ordered / count
        }
        return sum / Double(heldOut.count)
    }
}
