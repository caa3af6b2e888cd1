/// Rows of text in columns that line up.
struct Table {
    /// Where a column's text stands.
    enum Side {
        case left
        case right
    }

    private let columns: [(name: String, side: Side)]
    private var rows: [[String]] = []

    init(_ columns: (name: String, side: Side)...) { self.columns = columns }

    /// Adds a row; one text a column, made printable.
    mutating func add(_ texts: String...) {
        precondition(texts.count == columns.count, "Table: \(texts.count) texts")
        rows.append(texts.map(\.printable))
    }

    /// The heading and the rows.
    var text: String {
        let all = [columns.map(\.name)] + rows
        let widths = columns.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        let lines = all.map { row in
            row.indices.map { column in
                let padding = String(repeating: " ", count: widths[column] - row[column].count)
                return columns[column].side == .left
                    ? row[column] + padding : padding + row[column]
            }
            .joined(separator: "  ")
        }
        return lines.map { line in
            String(line.reversed().drop { $0 == " " }.reversed())
        }
        .joined(separator: "\n")
    }

    /// Names and values, one pair a line, made printable.
    static func pairs(_ pairs: [(name: String, value: String)]) -> String {
        let shown = pairs.map { (name: $0.name.printable, value: $0.value.printable) }
        let width = shown.map(\.name.count).max() ?? 0
        return shown.map { pair in
            pair.name + String(repeating: " ", count: width - pair.name.count + 2) + pair.value
        }
        .joined(separator: "\n")
    }
}
