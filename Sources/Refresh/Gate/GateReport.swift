import Foundation
import Profiles

/// What a gate found; published as `gate.json` in the candidate's generation.
package struct GateReport: Codable, Sendable, Equatable {
    /// What stands for a model where a metric is taken.
    package enum Source: String, Codable, Sendable {
        /// The multi-task head.
        case head
        /// A linear probe fitted to the other half of the hold-out.
        case probe
        /// The most bought before the cut first, for everybody.
        case popularity
        /// The same score for everybody: AUROC 0.5.
        case chance
    }

    /// One area under the ROC curve of both models, and its change.
    package struct Metric: Codable, Sendable, Equatable {
        /// `churn`, `category`, `sku`, `probe profile` or `probe ` and a part's name.
        package var name: String
        package var candidateSource: Source
        package var liveSource: Source
        /// AUROC, 0…1; nil when not judged.
        package var candidate: Double?
        package var live: Double?
        /// Candidate − live, and its bounds at 2.5 % and 97.5 %.
        package var change: Double?
        package var lower: Double?
        package var upper: Double?
        /// The candidate is refused when `upper` is below −tolerance.
        package var tolerance: Double
        /// Users with a positive label, and with a negative one.
        package var positiveUserCount: Int
        package var negativeUserCount: Int
        /// Why the metric was not judged; nil when it was.
        package var notJudged: String?
    }

    /// How a part of the candidate's profile is.
    package struct Part: Codable, Sendable, Equatable {
        package var name: String
        package var health: String
        package var columnCount: Int
        /// Columns in which users differ.
        package var spreadCount: Int
        /// Participation ratio of the correlations of those; nil below two.
        package var effectiveRank: Double?
        /// Users with a column that is not zero.
        package var filledCount: Int
    }

    /// Whether the candidate may go live: there is no refusal.
    package private(set) var passed = true
    /// One line each: what, how much, and what to do.
    package var refusals: [String] = [] {
        didSet { passed = refusals.isEmpty }
    }
    package var metrics: [Metric] = []
    package var parts: [Part] = []
    /// T, and the length of the label horizon.
    package var cutSeconds: Int64
    package var horizonSeconds: Int64
    /// Users that probes were fitted to, and users that were judged.
    package var fitUserCount: Int
    package var userCount: Int
    package var resampleCount: Int

    /// The report as `gate.json` holds it; same report, same bytes.
    package func encoded() throws(RefreshError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        do {
            return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
        } catch {
            throw .publish("gate.json: \(error)")
        }
    }
}
