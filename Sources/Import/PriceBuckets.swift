import Storage

/// Prices → buckets 0…99 by quantile over the distinct (item, price) pairs of a table.
///
/// With n pairs, the bucket of price p is ⌊100 · (pairs with a lower price) / n⌋: equal prices
/// share a bucket, and an item that is sold often counts no more than one that is sold once.
/// The edges come from the whole table, so they know a little of its future; the price itself is
/// always that of the row. Prices are whole numbers of millionths, so that nothing is rounded.
package struct PriceBuckets: Sendable {
    private struct Pair: Hashable {
        let item: Int64
        let price: Int64
    }

    private var pairs: Set<Pair> = []
    private var sorted: [Int64] = []

    /// Buckets that have seen no price.
    package init() {}

    /// Takes note that `item` was seen at `price` millionths.
    package mutating func note(item: Int64, price: Int64) {
        pairs.insert(Pair(item: item, price: price))
    }

    /// Fixes the edges; `bucket(of:)` may be asked from here on.
    package mutating func fix() {
        sorted = pairs.map(\.price).sorted()
        pairs = []
    }

    /// Distinct pairs of item and price.
    package var pairCount: Int { sorted.count }

    /// The bucket of a price, 0…99.
    package func bucket(of price: Int64) -> UInt8 {
        precondition(!sorted.isEmpty, "PriceBuckets: no prices were noted, or fix() was not called")
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < price { low = middle + 1 } else { high = middle }
        }
        return UInt8(min(99, 100 * low / sorted.count))
    }

    /// Reads a decimal price as millionths; nil when it is none.
    ///
    /// The form is `-?digits(.digits)?` with at most nine digits before the point. Digits beyond
    /// the sixth after it are cut off.
    package static func millionths(_ text: Span<UInt8>) -> Int64? {
        var index = 0
        let isNegative = text.count > 0 && text[0] == UInt8(ascii: "-")
        if isNegative { index = 1 }
        var value: Int64 = 0
        var wholeCount = 0
        var fractionCount = -1
        while index < text.count {
            let byte = text[index]
            index += 1
            if byte == UInt8(ascii: ".") && fractionCount < 0 && wholeCount > 0 {
                fractionCount = 0
                continue
            }
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            if fractionCount >= 0 {
                fractionCount += 1
                if fractionCount > 6 { continue }
            } else {
                wholeCount += 1
                guard wholeCount <= 9 else { return nil }
            }
            value = value * 10 + Int64(byte - 0x30)
        }
        guard wholeCount > 0, fractionCount != 0 else { return nil }
        for _ in max(0, min(6, fractionCount))..<6 { value *= 10 }
        return isNegative ? -value : value
    }
}
