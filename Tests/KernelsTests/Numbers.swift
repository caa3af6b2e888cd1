import Storage

/// Seeded floats in [−scale, scale).
func floats(_ count: Int, seed: UInt64, stream: UInt64 = 0, scale: Double = 1) -> [Float] {
    var random = SeededRandom(seed: seed, stream: stream)
    return (0..<count).map { _ in Float((2 * random.nextUnit() - 1) * scale) }
}

/// The numbers as Swift's own binary16 has them, to nearest even.
func roundedToHalf(_ values: [Float]) -> [Float] { values.map { Float(Float16($0)) } }

/// How many representable numbers lie between two, counting the second; 0 when they are equal.
func ulps(_ a: Double, _ b: Double) -> UInt64 {
    if a == b || (a.isNaN && b.isNaN) { return 0 }
    guard a.isFinite, b.isFinite, a.sign == b.sign || a == 0 || b == 0 else { return .max }
    let x = a.magnitude.bitPattern
    let y = b.magnitude.bitPattern
    return x > y ? x - y : y - x
}

/// The error of `value` in units of the last place of the rounded exact value.
func ulpError(of value: Float, against exact: Double) -> Double {
    (Double(value) - exact).magnitude / Double(Float(exact).ulp)
}

extension Array where Element == Float {
    /// The numbers' bits, which tell −0 from 0 and compare NaNs.
    var bits: [UInt32] { map(\.bitPattern) }

    /// Rows `indices` of a matrix with rows of `width`.
    func rows(_ indices: [Int], width: Int) -> [Float] {
        indices.flatMap { self[$0 * width..<($0 + 1) * width] }
    }
}

/// Whether two results are the same bytes; a Bool, so that a failure does not print thousands.
func isSame(_ a: [Float], _ b: [Float]) -> Bool { a.bits == b.bits }
