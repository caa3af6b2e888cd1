import Events
import Foundation
import Kernels
import Storage

/// Why the truth of a simulated shop tells nothing; files are only read.
package enum OracleError: Error, Equatable, CustomStringConvertible {
    case storage(StorageError)
    /// A file that is not what this version of `ubpd simulate` writes.
    case badTruth(path: String, reason: String)
    /// The truth is told at midnights of its own choice, and this is none of them.
    case noSuchCutoff(path: String, seconds: Int64, known: [Int64])

    package var description: String {
        switch self {
        case .storage(let error): error.description
        case .badTruth(let path, let reason):
            "\(path): \(reason); simulate the shop again with this version of ubpd"
        case .noSuchCutoff(let path, let seconds, let known):
            "\(path): the truth is not told at \(seconds) s; evaluate with one of the cutoffs "
                + known.map(String.init).joined(separator: ", ")
        }
    }
}

/// What of `truth/manifest.json` a prediction needs (docs/simulation.md).
struct OracleManifest: Decodable {
    struct File: Decodable {
        let name: String
        let columns: [String]
    }

    /// The parameters of the shop's model.
    struct Model: Decodable {
        let weekdayFactors: [Double]
        let sessionFactors: [Double]
        let buyFactors: [Double]
        let buyChanceLimit: Double
        let warmChance: Double
        let settleChance: Double
        let recoverChance: Double
        let lapseChance: Double
        let hazardLimit: Double
        let shiftedHazardFactor: Double
        let weeklyDrift: Double
        let favouriteLoss: Double
        let candidateCount: Int
        let priceWidth: Double
        let extraBuyMean: Double
        let extraBuyLimit: Int
    }

    let schema: Int
    let startSeconds: Int64
    /// The first changed day; nil without a shift.
    let shiftDay: Int?
    let cutoffDays: [Int]
    let cutoffSeconds: [Int64]
    let favouriteWeights: [Double]
    let favouriteShare: Double
    let model: Model
    let files: [File]

    /// Largest manifest that is read, bytes.
    private static let byteLimit = 16 << 20

    init(directory: String, on disk: any Disk) throws(OracleError) {
        let path = directory + "/manifest.json"
        let bytes: [UInt8]
        do throws(StorageError) { bytes = try disk.bytes(of: path, limit: Self.byteLimit) } catch {
            throw .storage(error)
        }
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            self = try decoder.decode(Self.self, from: Data(bytes))
        } catch {
            throw .badTruth(path: path, reason: "not the manifest of a simulation (\(error))")
        }
        guard schema == 2, cutoffDays.count == cutoffSeconds.count,
            model.weekdayFactors.count == 7, model.sessionFactors.count == 4,
            model.buyFactors.count == 4, favouriteWeights.count == 3,
            (2...16).contains(model.candidateCount), (0...64).contains(model.extraBuyLimit)
        else { throw .badTruth(path: path, reason: "schema \(schema), or lists of another length") }
    }

    /// The model's day on which a second lies.
    func day(ofSeconds seconds: Int64) -> Int { Int((seconds - startSeconds) / 86_400) }
}

/// The files of truth, read for some users.
struct OracleFiles {
    let directory: String
    let disk: any Disk
    let manifest: OracleManifest
    /// For each row of the truth, the place of its user among those wanted, or −1.
    private let places: [Int32]
    private let userCount: Int

    /// Rows that are read at once.
    private static let blockRows = 1 << 14

    init(directory: String, users: [UserID], on disk: any Disk) throws(OracleError) {
        self.directory = directory
        self.disk = disk
        manifest = try OracleManifest(directory: directory, on: disk)
        userCount = users.count
        var index: [Int64: Int32] = [:]
        index.reserveCapacity(users.count)
        for (place, user) in users.enumerated() { index[user.rawValue] = Int32(place) }
        places = try Self.integers("client_ids", columns: 1, in: directory, on: disk)
            .map { index[$0] ?? -1 }
    }

    func path(_ name: String) -> String { directory + "/" + name + ".npy" }

    /// Columns of the wanted users, `[users, columns]` row-major; NaN for users without a row.
    ///
    /// - Parameters:
    ///   - name: a file with a row for each user.
    ///   - columns: which of its columns, by their names; all of them by default.
    /// - Returns: float64, whatever the file holds.
    /// - Throws: `badTruth` for other columns or rows than the manifest's.
    func users(_ name: String, columns: [String]? = nil) throws(OracleError) -> [Double] {
        let names = manifest.files.first { $0.name == name + ".npy" }?.columns ?? []
        let wanted = (columns ?? names).compactMap { names.firstIndex(of: $0) }
        guard !wanted.isEmpty, wanted.count == (columns ?? names).count else {
            throw .badTruth(path: path(name), reason: "the manifest names other columns")
        }
        var values = [Double](repeating: .nan, count: userCount * wanted.count)
        var row = 0
        try eachBlock(name, columns: names.count) { block in
            for start in stride(from: 0, to: block.count, by: names.count) {
                if row < places.count, places[row] >= 0 {
                    let place = Int(places[row]) * wanted.count
                    for (offset, column) in wanted.enumerated() {
                        values[place + offset] = block[start + column]
                    }
                }
                row += 1
            }
        }
        guard row == places.count else {
            throw .badTruth(path: path(name), reason: "\(row) rows for \(places.count) users")
        }
        return values
    }

    /// All of a file of numbers, flat.
    func numbers(_ name: String, columns: Int) throws(OracleError) -> [Double] {
        var values: [Double] = []
        try eachBlock(name, columns: columns) { values += $0 }
        return values
    }

    /// All of a file of integers, flat.
    func integers(_ name: String, columns: Int) throws(OracleError) -> [Int64] {
        try Self.integers(name, columns: columns, in: directory, on: disk)
    }

    private static func integers(
        _ name: String, columns: Int, in directory: String, on disk: any Disk
    ) throws(OracleError) -> [Int64] {
        let path = directory + "/" + name + ".npy"
        do throws(StorageError) {
            let reader = try NpyReader(path, on: disk)
            guard reader.header.element == .int64, reader.rowElementCount == columns else {
                throw .malformed(path: path, reason: "not int64 in \(columns) columns")
            }
            var values: [Int64] = []
            let rows = reader.header.shape[0]
            for start in stride(from: 0, to: rows, by: blockRows) {
                values += try reader.int64s(rows: start..<min(rows, start + blockRows))
            }
            return values
        } catch { throw .storage(error) }
    }

    private func eachBlock(
        _ name: String, columns: Int, _ body: ([Double]) -> Void
    ) throws(OracleError) {
        do throws(StorageError) {
            let reader = try NpyReader(path(name), on: disk)
            guard reader.header.element != .int64, reader.rowElementCount == columns else {
                throw .malformed(path: path(name), reason: "not numbers in \(columns) columns")
            }
            let rows = reader.header.shape[0]
            for start in stride(from: 0, to: rows, by: Self.blockRows) {
                let block = start..<min(rows, start + Self.blockRows)
                if reader.header.element == .float64 {
                    body(try reader.doubles(rows: block))
                } else {
                    body(try reader.halfs(rows: block).map { Double(float(fromHalf: $0)) })
                }
            }
        } catch { throw .storage(error) }
    }

    /// The favourites of the wanted users at the midnight that begins `day`: `[users, 3]` categories
    /// by their place in `categories`; −1 for users who have none yet.
    func favourites(
        on day: Int, users: [UserID], categories: [Int64: Int]
    ) throws(OracleError) -> [Int] {
        let slots = manifest.favouriteWeights.count
        var index: [Int64: Int] = [:]
        for (place, user) in users.enumerated() { index[user.rawValue] = place }
        var favourites = [Int](repeating: -1, count: users.count * slots)
        let rows = try integers("favourites", columns: 4)
        for start in stride(from: 0, to: rows.count, by: 4) where rows[start + 1] < Int64(day) {
            guard let place = index[rows[start]] else { continue }
            guard (0..<Int64(slots)).contains(rows[start + 2]),
                let category = categories[rows[start + 3]]
            else { throw .badTruth(path: path("favourites"), reason: "no such slot or category") }
            favourites[place * slots + Int(rows[start + 2])] = category
        }
        return favourites
    }
}
