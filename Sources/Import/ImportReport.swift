/// What an import did.
///
/// `rowCount` = the sum of `writtenCounts` + `catalogueRowCount` + `droppedCount` +
/// the sum of `rejectedCounts`; blank lines stand beside it.
package struct ImportReport: Equatable, Sendable {
    /// Rows of the table, its header and blank lines excluded.
    package var rowCount = 0
    package var blankLineCount = 0
    /// Events written, by event type.
    package var writtenCounts: [String: Int] = [:]
    /// Rows that were catalogue updates themselves.
    package var catalogueRowCount = 0
    /// `product_update` records written.
    package var catalogueUpdateCount = 0
    /// Rows left out because their event name is mapped to `drop`.
    package var droppedCount = 0
    /// Rows refused, by reason; each is in the rejects file.
    package var rejectedCounts: [String: Int] = [:]
    /// Event names that no mapping knows, at most sixteen, ascending.
    package var unknownEventNames: [String] = []
    /// Ids of this table that are texts, by kind.
    package var hashedIDCounts: [String: Int] = [:]
    /// Ids in the dictionary, those of earlier imports included.
    package var dictionaryCount = 0
    /// Distinct pairs of item and price, and the buckets that they fill.
    package var pricePairCount = 0
    package var priceBucketCount = 0
    /// Distinct texts that became vectors.
    package var textVectorCount = 0
    /// Columns that were not read, in the table's order.
    package var ignoredColumns: [String] = []
    /// Whether the rows stood in time order already.
    package var wasSorted = true
    package var elapsedSeconds = 0.0

    /// A report of nothing.
    package init() {}

    /// Events and catalogue updates written.
    package var recordCount: Int {
        writtenCounts.values.reduce(0, +) + catalogueUpdateCount
    }

    /// Rows refused for any reason.
    package var rejectedCount: Int { rejectedCounts.values.reduce(0, +) }
}

/// For people and for programs.
extension ImportReport: CustomStringConvertible {
    package var description: String {
        var lines = ["\(rowCount) rows read, \(recordCount) records written"]
        func add(_ name: String, _ count: Int) { lines.append("  \(name): \(count)") }
        for (name, count) in ascending(writtenCounts) { add(name, count) }
        add("product_update", catalogueUpdateCount)
        if catalogueRowCount > 0 { add("rows of the catalogue", catalogueRowCount) }
        if blankLineCount > 0 { add("blank lines", blankLineCount) }
        if droppedCount > 0 { add("rows dropped by --map", droppedCount) }
        add("rows rejected", rejectedCount)
        for (name, count) in ascending(rejectedCounts) { add("  \(name)", count) }
        if !unknownEventNames.isEmpty {
            lines.append("  event names without a --map: \(unknownEventNames)")
        }
        for (name, count) in ascending(hashedIDCounts) { add("\(name) ids hashed", count) }
        add("ids in the dictionary", dictionaryCount)
        add("distinct prices of items", pricePairCount)
        add("price buckets used", priceBucketCount)
        add("texts made vectors", textVectorCount)
        if !ignoredColumns.isEmpty { lines.append("  columns ignored: \(ignoredColumns)") }
        lines.append(
            wasSorted ? "  the rows were in time order" : "  the rows were sorted by time")
        let tenths = Int((elapsedSeconds * 10).rounded())
        lines.append("  took \(tenths / 10).\(tenths % 10) s")
        return lines.joined(separator: "\n")
    }

    /// One JSON object on one line, keys in a fixed order.
    package var json: String {
        let members: [(String, String)] = [
            ("rows", "\(rowCount)"),
            ("blank_lines", "\(blankLineCount)"),
            ("records", "\(recordCount)"),
            ("events", object(writtenCounts)),
            ("catalogue_rows", "\(catalogueRowCount)"),
            ("catalogue_updates", "\(catalogueUpdateCount)"),
            ("dropped", "\(droppedCount)"),
            ("rejected", "\(rejectedCount)"),
            ("rejected_by_reason", object(rejectedCounts)),
            ("unknown_event_names", array(unknownEventNames)),
            ("hashed_ids", object(hashedIDCounts)),
            ("dictionary_ids", "\(dictionaryCount)"),
            ("price_pairs", "\(pricePairCount)"),
            ("price_buckets", "\(priceBucketCount)"),
            ("text_vectors", "\(textVectorCount)"),
            ("ignored_columns", array(ignoredColumns)),
            ("sorted_already", "\(wasSorted)"),
            ("elapsed_seconds", "\(elapsedSeconds)"),
        ]
        return "{" + members.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    }

    private func ascending(_ counts: [String: Int]) -> [(String, Int)] {
        counts.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 }
    }

    private func object(_ counts: [String: Int]) -> String {
        "{" + ascending(counts).map { "\(quoted($0)):\($1)" }.joined(separator: ",") + "}"
    }

    private func array(_ texts: [String]) -> String {
        "[" + texts.map(quoted).joined(separator: ",") + "]"
    }

    private func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// How far an import is.
package struct ImportProgress: Sendable, CustomStringConvertible {
    /// What it is doing.
    package enum Phase: String, Sendable {
        case reading
        case sorting
        case writing
    }

    package var phase: Phase
    /// Rows read or written in this phase.
    package var rowCount: Int
    /// Share of the phase that is done, 0…1; nil when the end is not known.
    package var share: Double?
    /// Seconds since the phase began.
    package var elapsedSeconds: Double

    package var description: String {
        var text = "\(phase.rawValue): \(rowCount) rows"
        if elapsedSeconds > 0 { text += ", \(Int(Double(rowCount) / elapsedSeconds)) rows/s" }
        if let share, share > 0 {
            text += ", \(Int(share * 100)) %"
            text += ", \(Int((elapsedSeconds * (1 - share) / share).rounded())) s left"
        }
        return text
    }
}
