import Kernels

/// How popular an item is, on a logarithmic scale.
enum Popularity {
    /// log1p of the purchases of an item by everybody.
    static func logarithm(of buys: Int64) -> Double {
        buys >= 0 && buys < Int64(table.count) ? table[Int(buys)] : Elementary.log1p(Double(buys))
    }

    private static let table: [Double] = (0..<4096).map { Elementary.log1p(Double($0)) }
}
