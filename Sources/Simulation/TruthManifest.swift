import Foundation
import Storage

/// What the files of truth are; written last, so that it stands for a finished simulation.
struct TruthManifest: Encodable {
    struct File: Encodable {
        let name: String
        let dtype: String
        let shape: [Int]
        /// What one row is, and what each column is; a single column has the file's meaning.
        let rows: String
        let columns: [String]
        let digest: FileDigest
    }

    var schema = 2
    let users: Int
    let days: Int
    let seed: String
    let startSeconds: Int64
    /// The first changed day; absent without a shift.
    let shiftDay: Int?
    let lateShare: Double
    let model: TruthModel
    let horizonDays = Calendar.horizonDays
    /// Cutoffs, midnights UTC: days since the start, and seconds since 1970.
    let cutoffDays: [Int]
    let cutoffSeconds: [Int64]
    let states = ["lapsed", "cooling", "steady", "hot"]
    let favouriteWeights = ShopParameters.favouriteWeights
    let favouriteShare = ShopParameters.favouriteShare
    let affinity =
        "P(category c | purchase) = favouriteShare * sum of favouriteWeights[k] where "
        + "favourite[k] = c, + (1 - favouriteShare) * department_affinity[department of c] "
        + "* category_share[c]"
    let events: [String: Int]
    let files: [File]

    enum CodingKeys: String, CodingKey {
        case schema, users, days, seed
        case startSeconds = "start_seconds"
        case shiftDay = "shift_day"
        case lateShare = "late_share"
        case model
        case horizonDays = "horizon_days"
        case cutoffDays = "cutoff_days"
        case cutoffSeconds = "cutoff_seconds"
        case states
        case favouriteWeights = "favourite_weights"
        case favouriteShare = "favourite_share"
        case affinity, events, files
    }

    /// The manifest as JSON, keys ascending.
    func encoded() -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
        } catch {
            // It holds text, integers and finite numbers.
            preconditionFailure("a manifest that cannot be written: \(error)")
        }
    }
}
