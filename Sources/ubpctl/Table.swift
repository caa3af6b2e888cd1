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

    /// Adds a row; one text a column.
    mutating func add(_ texts: String...) {
        precondition(texts.count == columns.count, "Table: \(texts.count) texts")
        rows.append(texts)
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

    /// Names and values, one pair a line.
    static func pairs(_ pairs: [(name: String, value: String)]) -> String {
        let width = pairs.map(\.name.count).max() ?? 0
        return pairs.map { pair in
            pair.name + String(repeating: " ", count: width - pair.name.count + 2) + pair.value
        }
        .joined(separator: "\n")
    }
}
