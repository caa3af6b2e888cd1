import Evaluation
import Foundation

/// All that an evaluation has to say: the scores, how they vary, what they are scores of, the map.
package struct EvaluationDocument: Sendable, Equatable {
    /// One line of the settings.
    package struct Setting: Sendable, Equatable, Codable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Standard deviations over the downstream seeds, of one task of one row.
    package struct Spread: Sendable, Equatable, Codable {
        package var row: String
        package var task: EvaluationTask
        package var score: Double
        package var auroc: Double
    }

    /// Of several seeds the means; the best epoch, epochs and curves are the first seed's.
    package var report: EvaluationReport
    /// The downstream seeds, one or more.
    package var seeds: [UInt64]
    /// Empty for one seed.
    package var spreads: [Spread]
    /// What was scored, and how, in the order to show it.
    package var settings: [Setting]
    /// What whoever reads the scores must know.
    package var warnings: [String]
    /// Nil unless a page was asked for.
    package var map: ProfileMap?

    package init(
        reports: [EvaluationReport], seeds: [UInt64], settings: [Setting], warnings: [String],
        map: ProfileMap? = nil
    ) {
        precondition(!reports.isEmpty && reports.count == seeds.count, "a report a seed")
        report = reports[0]
        self.seeds = seeds
        self.settings = settings
        self.warnings = warnings
        self.map = map
        spreads = []
        guard reports.count > 1 else { return }
        for row in report.rows.indices {
            for task in report.rows[row].tasks.indices { merge(reports, row, task) }
            report.rows[row].seconds = Self.sum(reports) { $0.rows[row].seconds }
        }
        report.seconds = Self.sum(reports, \.seconds)
    }

    /// How a row's task varies over seeds; nil of one seed.
    package func spread(of row: String, _ task: EvaluationTask) -> Spread? {
        spreads.first { $0.row == row && $0.task == task }
    }

    /// Tasks that any row has, in the challenge's order.
    package var tasks: [EvaluationTask] {
        EvaluationTask.allCases.filter { task in
            report.rows.contains { $0.tasks.contains { $0.task == task } }
        }
    }

    /// Replaces a task's figures by their means and keeps their spread.
    private mutating func merge(_ reports: [EvaluationReport], _ row: Int, _ task: Int) {
        let all = reports.map { $0.rows[row].tasks[task] }
        var merged = all[0]
        merged.score = Self.mean(all.map(\.score))
        merged.auroc = Self.mean(all.map(\.auroc))
        merged.definedAUROC = merged.definedAUROC.map { _ in
            Self.mean(all.compactMap(\.definedAUROC))
        }
        merged.diversity = merged.diversity.map { _ in Self.mean(all.compactMap(\.diversity)) }
        merged.novelty = merged.novelty.map { _ in Self.mean(all.compactMap(\.novelty)) }
        report.rows[row].tasks[task] = merged
        spreads.append(
            Spread(
                row: report.rows[row].name, task: merged.task,
                score: Self.deviation(all.map(\.score)), auroc: Self.deviation(all.map(\.auroc))))
    }

    private static func sum(
        _ reports: [EvaluationReport], _ value: (EvaluationReport) -> Double
    ) -> Double {
        reports.reduce(0) { $0 + value($1) }
    }

    static func mean(_ values: [Double]) -> Double {
        values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }

    /// Of a sample: over n − 1.
    static func deviation(_ values: [Double]) -> Double {
        guard values.count > 1 else { return 0 }
        let mean = mean(values)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (squares / Double(values.count - 1)).squareRoot()
    }
}

extension EvaluationDocument: Encodable {
    private enum CodingKeys: String, CodingKey {
        case seeds, spreads, settings, warnings
    }

    /// The report's own keys, and beside them what is said about it; no map.
    package func encode(to encoder: any Encoder) throws {
        try report.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(seeds, forKey: .seeds)
        try container.encode(spreads, forKey: .spreads)
        try container.encode(settings, forKey: .settings)
        try container.encode(warnings, forKey: .warnings)
    }

    /// For programs: one JSON object, keys ascending.
    package var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        // Texts and numbers always encode.
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
