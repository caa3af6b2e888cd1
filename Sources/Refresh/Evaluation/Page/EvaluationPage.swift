import Evaluation

/// The report as one HTML page that needs nothing beside itself.
///
/// There is no script, font or picture from anywhere, and it is well-formed as XML too.
package struct EvaluationPage {
    private let document: EvaluationDocument

    package init(_ document: EvaluationDocument) { self.document = document }

    private var report: EvaluationReport { document.report }

    /// The page.
    package var html: String {
        let cutoff = EventTimeText.text(report.split.cutoffSeconds)
        var out = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
        out += "<meta name=\"viewport\" content=\"width=device-width\"/>"
        out += "<title>Evaluation at \(cutoff)</title><style>\(PageStyle.sheet)</style></head>"
        out += "<body>"
        out += "<h1>How good the profiles are</h1><p class=\"lead\">Cutoff \(cutoff) UTC · "
        out += "\(Markup.grouped(report.userCount)) users · downstream network "
        out += "\(Markup.escape(report.network)) · \(seedText)</p>"
        for warning in document.warnings {
            out += "<p class=\"warn\">\(Markup.escape(warning))</p>"
        }
        out += "<h2>Scores</h2>" + table + scoreNote
        out += "<h2>Score by part</h2><div class=\"plots\">"
        out += document.tasks.map { bars($0).svg }.joined() + "</div>"
        out += curves
        if let map = document.map {
            out += "<h2>Map of profiles</h2>" + ProfileMapChart(map: map).svg
            out += "<p class=\"note\">\(Markup.escape(map.caption))</p>"
        }
        out += "<h2>Settings</h2>" + settings
        return out + "</body></html>\n"
    }

    private var seedText: String {
        document.seeds.count == 1
            ? "seed \(document.seeds[0])" : "mean of \(document.seeds.count) seeds"
    }

    // MARK: Scores

    private var table: String {
        var out = "<div class=\"scroll\"><table><thead><tr><th>row</th><th>columns</th>"
        for task in document.tasks { out += "<th>\(Markup.escape(task.shortName))</th>" }
        out += "</tr></thead><tbody>"
        for row in report.rows {
            out += "<tr><td>\(Markup.escape(row.name))</td>"
            out += "<td>\(row.width > 0 ? String(row.width) : "–")</td>"
            out += document.tasks.map { cell(row, $0) }.joined() + "</tr>"
        }
        return out + "</tbody></table></div>"
    }

    private func cell(_ row: EvaluationReport.Row, _ task: EvaluationTask) -> String {
        guard let result = row.tasks.first(where: { $0.task == task }) else { return "<td>–</td>" }
        let isBest = row.width > 0 && result.score == best(task)
        var out = "<td\(isBest ? " class=\"best\"" : "")>\(Markup.fixed(result.score, 4))"
        if let spread = document.spread(of: row.name, task) {
            out += " ± \(Markup.fixed(spread.score, 4))"
        }
        if !task.isBinary { out += "<small>AUROC \(Markup.fixed(result.auroc, 4))</small>" }
        return out + "</td>"
    }

    /// Of the rows that are representations.
    private func best(_ task: EvaluationTask) -> Double? {
        report.rows.filter { $0.width > 0 }.flatMap(\.tasks).filter { $0.task == task }
            .map(\.score).max()
    }

    private var scoreNote: String {
        "<p class=\"note\">Churn and conversion: AUROC. The others: 0.8 AUROC + 0.1 diversity + 0.1 "
            + "novelty, of the best of three epochs. Bold is the best representation of a task.</p>"
    }

    private func bars(_ task: EvaluationTask) -> BarChart {
        BarChart(
            title: task.shortName,
            bars: report.rows.enumerated().compactMap { index, row in
                row.tasks.first { $0.task == task }.map {
                    BarChart.Bar(
                        name: row.name, style: PageStyle.row(row, index), value: $0.score,
                        spread: document.spread(of: row.name, task)?.score)
                }
            })
    }

    // MARK: Curves

    private var curves: String {
        let binary = document.tasks.filter { task in
            task.isBinary
                && report.rows.flatMap(\.tasks).contains { $0.task == task && $0.curves != nil }
        }
        guard !binary.isEmpty else { return "" }
        var out = "<h2>Ranking and calibration</h2><div class=\"plots\">"
        for task in binary {
            out += plot(task, "ROC, \(task.shortName)", "false positives", "true positives") {
                ($0.roc, false)
            }
            out += plot(
                task, "Calibration, \(task.shortName)", "foretold share of buyers", "true share"
            ) { curves in
                // Most do not buy, and the tasks are positive for those: the others are the news.
                (curves.calibration.map { [1 - $0[0], 1 - $0[1]] }, true)
            }
        }
        return out + "</div>" + legend
    }

    private func plot(
        _ task: EvaluationTask, _ title: String, _ x: String, _ y: String,
        _ points: (EvaluationReport.Curves) -> ([[Double]], hasMarks: Bool)
    ) -> String {
        var lines: [Plot.Line] = []
        for (index, row) in report.rows.enumerated() {
            guard let curves = row.tasks.first(where: { $0.task == task })?.curves else { continue }
            let (values, hasMarks) = points(curves)
            lines.append(
                Plot.Line(
                    name: row.name, style: PageStyle.row(row, index),
                    points: values.filter { $0.count >= 2 }.map { (x: $0[0], y: $0[1]) },
                    hasMarks: hasMarks))
        }
        var plot = Plot(title: title, xLabel: x, yLabel: y, lines: lines)
        let marked = lines.filter(\.hasMarks).flatMap(\.points)
        if let highest = marked.flatMap({ [$0.x, $0.y] }).filter(\.isFinite).max(), highest > 0 {
            plot.limit = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].first { $0 >= highest } ?? 1
        }
        return plot.svg
    }

    private var legend: String {
        var out = "<ul class=\"legend\">"
        for (index, row) in report.rows.enumerated() {
            out += "<li><svg class=\"swatch\" viewBox=\"0 0 26 10\" width=\"26\" height=\"10\">"
            out += "<line class=\"line \(PageStyle.row(row, index))\" x1=\"0\" y1=\"5\" x2=\"26\" "
            out += "y2=\"5\"/></svg>\(Markup.escape(row.name))</li>"
        }
        return out + "</ul>"
    }

    // MARK: Settings

    private var settings: String {
        var out = "<div class=\"scroll\"><table class=\"settings\"><tbody>"
        for setting in document.settings {
            out += "<tr><td>\(Markup.escape(setting.name))</td>"
            out += "<td>\(Markup.escape(setting.value))</td></tr>"
        }
        return out + "</tbody></table></div>"
    }
}
