import Features
import Kernels
import Learning

/// Errors of reconstructed rows, beside those of the best constants.
///
/// The constants are the means of the training users' rows: of all rows that have the position, and
/// of each row type alone. A row's error is Σ over the positions that its type has of (ŷ − y)².
struct Reconstruction {
    /// Sums of y, and rows, by type and position.
    private struct Means {
        var sums = [Double](repeating: 0, count: RowToken.rowTypes * RowLayout.width)
        var counts = [Double](repeating: 0, count: RowToken.rowTypes * RowLayout.width)
    }

    private let network: SRANetwork<Float>
    /// `[5, 64]`, by type, and the same five times for all types together.
    private let typeMeans: [Double]
    private let plainMeans: [Double]
    private(set) var rowCount = 0
    /// Sums of squared errors by position: of the network, and of both constants.
    private(set) var errors = [Double](repeating: 0, count: RowLayout.width)
    private(set) var typeErrors = [Double](repeating: 0, count: RowLayout.width)
    private(set) var plainErrors = [Double](repeating: 0, count: RowLayout.width)
    /// Sums of the network's errors, of the type's mean's, and rows, by a row's place from the
    /// first, in powers of two: 1, 2, 3…4, 5…8 and so on.
    private(set) var byPlace: [(error: Double, constant: Double, rows: Int)] = []

    init(_ network: SRANetwork<Float>, training examples: ExampleFile, _ places: [Int]) throws {
        self.network = network
        var means = Means()
        for start in stride(from: 0, to: places.count, by: 1024) {
            let some = try examples.examples(Array(places[start..<min(start + 1024, places.count)]))
            let shard = network.shard(some)
            let rows = shard.target.rows.values
            let keep = shard.keep?.values ?? []
            for row in 0..<shard.target.batch.rowCount {
                let type = Self.type(of: rows, row)
                for position in 0..<RowLayout.width {
                    let index = row * RowLayout.width + position
                    guard keep[index] > 0 else { continue }
                    means.sums[type * RowLayout.width + position] += Double(rows[index])
                    means.counts[type * RowLayout.width + position] += 1
                }
            }
        }
        typeMeans = zip(means.sums, means.counts).map { $1 > 0 ? $0 / $1 : 0 }
        plainMeans = (0..<RowLayout.width).map { position in
            let indices = (0..<RowToken.rowTypes).map { $0 * RowLayout.width + position }
            let count = indices.reduce(0) { $0 + means.counts[$1] }
            return count > 0 ? indices.reduce(0) { $0 + means.sums[$1] } / count : 0
        }
    }

    /// Means over rows: the network's loss, that of each type's mean, and of the mean of all.
    var losses: (network: Double, type: Double, plain: Double) {
        let rows = Double(max(1, rowCount))
        return (
            errors.reduce(0, +) / rows, typeErrors.reduce(0, +) / rows,
            plainErrors.reduce(0, +) / rows
        )
    }

    /// Adds held-out users.
    mutating func add(
        _ examples: [TrainingExample], weights: Matrix<Float>, _ workspace: Workspace<Float>
    ) {
        let shard = network.shard(examples)
        let trace = network.forward(
            shard,
            NetworkPass(layout: network.layout, weights: weights, workspace: workspace))
        let rows = shard.target.rows.values
        let keep = shard.keep?.values ?? []
        let given = trace.reconstruction.values
        let batch = shard.target.batch
        for step in 0..<batch.waveCount {
            for row in batch.wave(step) { add(row, step: step, rows, keep, given) }
        }
    }

    private mutating func add(
        _ row: Int, step: Int, _ rows: [Float], _ keep: [Float], _ given: [Float]
    ) {
        let type = Self.type(of: rows, row)
        var (error, constant) = (0.0, 0.0)
        for position in 0..<RowLayout.width {
            let index = row * RowLayout.width + position
            guard keep[index] > 0 else { continue }
            func square(_ other: Double) -> Double {
                let difference = other - Double(rows[index])
                return difference * difference
            }
            let own = square(Double(given[index]))
            let typed = square(typeMeans[type * RowLayout.width + position])
            errors[position] += own
            typeErrors[position] += typed
            plainErrors[position] += square(plainMeans[position])
            error += own
            constant += typed
        }
        rowCount += 1
        let bucket = Int.bitWidth - step.leadingZeroBitCount
        while byPlace.count <= bucket { byPlace.append((error: 0, constant: 0, rows: 0)) }
        byPlace[bucket].error += error
        byPlace[bucket].constant += constant
        byPlace[bucket].rows += 1
    }

    private static func type(of rows: [Float], _ row: Int) -> Int {
        (0..<RowToken.rowTypes).first { rows[row * RowLayout.width + $0] == 1 } ?? 0
    }
}
