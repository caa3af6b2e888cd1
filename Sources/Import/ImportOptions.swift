import Events

/// How a table is read.
package struct ImportOptions: Sendable {
    /// What an event name of the table becomes.
    package enum Mapping: Hashable, Sendable {
        case event(EventKind)
        case productUpdate
        /// The rows are counted and left out.
        case drop
    }

    /// What becomes of names and queries that are words.
    package enum TextVectors: String, Sendable, CaseIterable {
        case hash
        case drop
    }

    /// What the price column holds.
    package enum Prices: String, Sendable, CaseIterable {
        /// Money; becomes quantile buckets (`PriceBuckets`).
        case quantiles
        /// Buckets 0…99 already.
        case buckets
        case drop
    }

    package var mappings: [String: Mapping]
    /// Column names by field; fields that are missing here have their own name.
    package var columns: [RecordField: String] = [:]
    package var textVectors = TextVectors.hash
    package var prices = Prices.quantiles
    /// First and last acceptable second since 1970 UTC.
    package var earliest: Int64
    package var latest: Int64
    /// Rows that may be held in memory, some 64 bytes each.
    package var rowLimit = 50_000_000

    /// The parser's own time range, no mappings, columns named like the fields.
    package init() {
        let parser = RecordParser()
        earliest = parser.earliest
        latest = parser.latest
        mappings = ["product_update": .productUpdate]
        for kind in EventKind.allCases { mappings[kind.name] = .event(kind) }
    }

    /// Adds a mapping written `NAME=EVENT` or `NAME=drop`.
    package mutating func addMapping(_ text: String) throws(ImportError) {
        let (name, target) = try Self.pair(text, "--map NAME=EVENT or --map NAME=drop")
        if target == "drop" {
            mappings[name] = .drop
        } else if target == "product_update" {
            mappings[name] = .productUpdate
        } else if let kind = EventKind.allCases.first(where: { $0.name == target }) {
            mappings[name] = .event(kind)
        } else {
            let names = EventKind.allCases.map(\.name) + ["product_update", "drop"]
            throw .badOption(
                reason: "--map \(text): no event is called `\(target)`, want one of \(names)")
        }
    }

    /// Adds a column written `FIELD=COLUMN`.
    package mutating func addColumn(_ text: String) throws(ImportError) {
        let (name, column) = try Self.pair(text, "--column FIELD=COLUMN")
        guard let field = RecordField.allCases.first(where: { $0.key == name }) else {
            let names = RecordField.allCases.map(\.key)
            throw .badOption(
                reason: "--column \(text): no field is called `\(name)`, want one of \(names)")
        }
        columns[field] = column
    }

    /// The column that holds `field`.
    package func column(_ field: RecordField) -> String { columns[field] ?? field.key }

    private static func pair(
        _ text: String, _ form: String
    ) throws(ImportError) -> (String, String) {
        guard let sign = text.lastIndex(of: "="), sign != text.startIndex,
            text.index(after: sign) != text.endIndex
        else { throw .badOption(reason: "`\(text)`: want \(form)") }
        return (String(text[..<sign]), String(text[text.index(after: sign)...]))
    }
}
