import Events
import Features
import Foundation
import Storage
import Testing

@Suite struct KeyedCountsTests {
    /// The definition, word for word: a dictionary, entropies summed anew each time.
    private struct Naive {
        struct Entry {
            var counts: [UInt32] = [0, 0, 0]
            var weight: UInt32 = 0
        }

        var entries: [Int64: Entry] = [:]

        mutating func add(_ key: Int64, lane: Int, count: UInt32, weight: UInt32, limit: Int) {
            if entries[key] == nil, entries.count >= limit {
                let smallest = entries.min { left, right in
                    let (a, b) = (left.value, right.value)
                    return (a.weight, a.counts.reduce(0, +), left.key)
                        < (b.weight, b.counts.reduce(0, +), right.key)
                }
                if let smallest { entries[smallest.key] = nil }
            }
            entries[key, default: Entry()].counts[lane] += count
            entries[key, default: Entry()].weight += weight
        }

        var entropy: Double {
            let total = entries.values.reduce(0.0) { $0 + Double($1.weight) }
            guard entries.count > 1, total > 0 else { return 0 }
            return entries.keys.sorted().reduce(0.0) { sum, key in
                let p = Double(entries[key]?.weight ?? 0) / total
                return p > 0 ? sum - p * log2(p) : sum
            }
        }
    }

    @Test(arguments: [1, 2, 5, 12, 40], 0..<6 as Range<UInt64>)
    func `counts, evicts and measures as a dictionary does`(limit: Int, seed: UInt64) {
        var random = SeededRandom(seed: seed, stream: UInt64(limit))
        var table = KeyedCounts()
        var naive = Naive()
        for _ in 0..<400 {
            let key = Int64.random(in: -10...10, using: &random)
            let lane = Int.random(in: 0..<3, using: &random)
            let count = UInt32.random(in: 0...2, using: &random)
            let weight = UInt32.random(in: 0...2, using: &random)
            let index = table.add(key, lane: lane, count: count, weight: weight, limit: limit)
            naive.add(key, lane: lane, count: count, weight: weight, limit: limit)
            #expect(table.entries[index].key == key)
            #expect(Set(table.entries.map(\.key)) == Set(naive.entries.keys))
            #expect(table.entries.count == naive.entries.count)
            for (key, entry) in naive.entries {
                for lane in 0..<3 {
                    #expect(table.count(of: key, lane: lane) == entry.counts[lane])
                }
            }
            #expect(table.weightTotal == table.entries.reduce(0) { $0 + Int64($1.weight) })
            #expect(abs(table.entropy - naive.entropy) < 1e-9)
            let restored = KeyedCounts(
                entries: table.entries.map {
                    KeyedCounts.Entry(
                        key: $0.key, counts: ($0[0], $0[1], $0[2]), weight: $0.weight)
                }, weightLogSum: table.weightLogSum)
            #expect(restored == table)
        }
    }

    // numpy 2.4: n = np.array([5000, 3, 1]); p = n / n.sum(); -(p * np.log2(p)).sum()
    @Test func `weights beyond the table of logarithms measure right`() {
        var table = KeyedCounts()
        table.add(1, lane: 0, count: 5000, weight: 5000, limit: 8)
        table.add(2, lane: 0, count: 3, weight: 3, limit: 8)
        table.add(3, lane: 0, count: 1, weight: 1, limit: 8)
        #expect(abs(table.entropy - 0.010_025_789_343_795) < 1e-12, "\(table.entropy)")
        #expect(table.count(of: 9, lane: 0) == 0)
    }
}

@Suite struct RowWindowTests {
    @Test(arguments: [1, 3, 16, 17])
    func `keeps the last rows, with their keys`(limit: Int) {
        var window = RowWindow(limit: limit)
        var all: [[UInt16]] = []
        for row in 0..<50 {
            let halves = (0..<RowLayout.width).map { UInt16(row * 64 + $0) }
            window.append(
                halves.span, RowKey(kind: .addToCart, seconds: Int64(row), key: 1, gap: 0))
            all.append(halves)
            #expect(window.totalCount == Int64(row + 1))
            #expect(window.count == min(limit, row + 1))
            #expect(window.holdsAll == (row < limit))
            #expect(window.firstIndex == Int64(max(0, row + 1 - limit)))
            for index in window.firstIndex..<window.totalCount {
                #expect(Array(window.row(index)) == all[Int(index)])
                #expect(window.keys[window.slot(of: index)].seconds == index)
            }
            let restored = RowWindow(
                limit: limit, totalCount: window.totalCount, halves: window.halves,
                keys: window.keys)
            #expect(restored == window)
        }
    }
}
