import Evaluation
import Events

/// The report for a terminal.
extension EvaluationDocument {
    /// Settings, one table of scores and one of AUROC, rows × tasks.
    package var text: String {
        let nameWidth = settings.map(\.name.count).max() ?? 0
        var lines = settings.map { Self.padded($0.name, nameWidth) + "  " + $0.value }
        lines += warnings.map { "NOTE: \($0)" }
        lines.append("")
        lines += table("score") { ($0.score, $1?.score) }
        lines.append("")
        lines += table("AUROC") { ($0.auroc, $1?.auroc) }
        lines.append("")
        lines += positives
        return lines.joined(separator: "\n")
    }

    private func table(
        _ title: String, _ figure: (EvaluationReport.TaskResult, Spread?) -> (Double, Double?)
    ) -> [String] {
        var cells = [[title.uppercased(), "COLUMNS"] + tasks.map { $0.shortName.uppercased() }]
        for row in report.rows {
            cells.append(
                [row.name, row.width > 0 ? String(row.width) : "-"]
                    + tasks.map { task in
                        guard let result = row.tasks.first(where: { $0.task == task }) else {
                            return "-"
                        }
                        let (mean, spread) = figure(result, spread(of: row.name, task))
                        return Markup.fixed(mean, 4)
                            + (spread.map { " ± " + Markup.fixed($0, 4) } ?? "")
                    })
        }
        return Self.aligned(cells)
    }

    /// How much there is to tell right from wrong by, of the first row that has the task.
    private var positives: [String] {
        let parts = tasks.compactMap { task -> String? in
            let results = report.rows.flatMap(\.tasks).filter { $0.task == task }
            guard let result = results.first else { return nil }
            return "\(task.shortName) \(result.positives) of \(result.users) × \(result.labels)"
        }
        return parts.isEmpty ? [] : ["positive labels: " + parts.joined(separator: ", ")]
    }

    /// The first column to the left, the others to the right, two spaces in between.
    static func aligned(_ cells: [[String]]) -> [String] {
        let widths = (cells.first ?? []).indices.map { column in
            cells.map { $0[column].count }.max() ?? 0
        }
        return cells.map { row in
            row.enumerated().map { column, cell in
                column == 0
                    ? padded(cell, widths[0])
                    : String(repeating: " ", count: widths[column] - cell.count) + cell
            }.joined(separator: "  ")
        }
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}

extension EvaluationTask {
    /// As tables and options have it: without `propensity_`.
    package var shortName: String {
        switch self {
        case .churn, .conversion: rawValue
        case .category: "category"
        case .item: "sku"
        case .newItem: "new_sku"
        case .price: "price"
        }
    }

    /// The task of this short or whole name.
    package init?(named name: String) {
        guard let task = Self.allCases.first(where: { $0.rawValue == name || $0.shortName == name })
        else { return nil }
        self = task
    }
}

/// Event times as people write them.
enum EventTimeText {
    /// `YYYY-MM-DD hh:mm:ss`, UTC, in the proleptic Gregorian calendar.
    ///
    /// Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
    static func text(_ seconds: Int64) -> String {
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let second = seconds - day * 86_400
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2)) "
            + "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
    }

    /// Reads whole seconds since 1970, `YYYY-MM-DD`, or `YYYY-MM-DD hh:mm:ss`.
    static func seconds(_ text: String) -> Int64? {
        if let seconds = Int64(text) { return seconds }
        let whole = text.utf8.count == 10 ? text + " 00:00:00" : text
        return CalendarTime.seconds(Array(whole.utf8).span)
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
