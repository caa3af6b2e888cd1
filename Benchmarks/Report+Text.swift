/// A report for people: a table a group, in the order in which the groups were measured.
extension Report {
    var text: String {
        var groups: [String] = []
        for figure in figures where !groups.contains(figure.group) { groups.append(figure.group) }
        let tables = groups.map { group in
            let lines = table(figures.filter { $0.group == group })
            let below = (notes[group] ?? []).map { "  " + $0 }
            return ([group] + lines + below).joined(separator: "\n")
        }
        let held = checks.filter(\.holds).count
        let end = "\(held) of \(checks.count) counts agree"
        return ([machine.line] + tables + [end]).joined(separator: "\n\n")
    }

    private func table(_ figures: [Figure]) -> [String] {
        let head = ["figure", "median", "spread", "n", "ratio", "wanted (DESIGN 12)"]
        let rows = [head] + figures.map(cells)
        let widths = head.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let padded = zip(row, widths).enumerated().map { column, cell in
                let space = String(repeating: " ", count: cell.1 - cell.0.count)
                return column == 0 || column == 5 ? cell.0 + space : space + cell.0
            }
            return "  " + padded.joined(separator: "  ").trimmedEnd
        }
    }

    private func cells(_ figure: Figure) -> [String] {
        let spread =
            figure.samples.count > 1
            ? "\(rounded(figure.low)) to \(rounded(figure.high))" : ""
        let wanted = figure.target.map { target in
            let word = target.direction == .atLeast ? "at least" : "below"
            return "\(word) \(rounded(target.value)) \(figure.unit)"
        }
        return [
            figure.name, "\(rounded(figure.median)) \(figure.unit)", spread,
            String(figure.samples.count), figure.ratio.map { rounded($0) } ?? "", wanted ?? "",
        ]
    }
}

/// A number with three significant digits, thousands set apart.
func rounded(_ value: Double) -> String {
    guard value.isFinite else { return String(value) }
    if value.magnitude >= 100 {
        let digits = Array(String(Int64(value.rounded().magnitude)))
        var text = value < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "_" }
            text.append(digit)
        }
        return text
    }
    let decimals = value.magnitude >= 10 ? 1 : value.magnitude >= 1 ? 2 : value >= 0.01 ? 3 : 5
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    return String((value * scale).rounded() / scale)
}

extension String {
    /// The text without blanks at its end.
    fileprivate var trimmedEnd: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
