import Evaluation

/// What one line of the table scores.
package struct EvaluationRow: Sendable, Equatable {
    /// Where its numbers come from.
    package enum Content: Sendable, Equatable {
        /// Columns of these parts, side by side in this order; nil takes the whole profile.
        ///
        /// `isFirst` takes them from the first of two spaces.
        case parts([String]?, isFirst: Bool)
        /// The organisers' aggregated features.
        case baseline
        /// The simulator's truth.
        case oracle
    }

    package var name: String
    package var content: Content

    package init(name: String, content: Content) {
        self.name = name
        self.content = content
    }

    static let profile = EvaluationRow(name: "profile", content: .parts(nil, isFirst: false))
    static let baseline = EvaluationRow(name: "baseline", content: .baseline)
    static let oracle = EvaluationRow(name: "oracle", content: .oracle)

    /// The parts of the published hybrid, which make up its 744 columns.
    static let publishedParts = [
        "sra", "mtl", "mtl-propensity", "fip", "mtl-churn", "bpr-sku", "bpr-category",
    ]

    /// Reads rows written as `ROW;ROW;…`.
    ///
    /// A ROW is `profile`, `hybrid`, `baseline`, `oracle`, a part's name, or `NAME=PART,PART,…`; in
    /// front of the parts, `first:` takes them from the first of two spaces.
    package static func parse(_ text: String) throws(EvaluationRunError) -> [EvaluationRow] {
        var rows: [EvaluationRow] = []
        for piece in text.split(separator: ";", omittingEmptySubsequences: true) {
            let row = try parseOne(trimmed(piece), in: text)
            if rows.contains(where: { $0.name == row.name }) {
                throw .badRow(text, reason: "two rows are named '\(row.name)'")
            }
            rows.append(row)
        }
        guard !rows.isEmpty else { throw .badRow(text, reason: "there is no row in it") }
        return rows
    }

    private static func parseOne(
        _ piece: String, in text: String
    ) throws(EvaluationRunError) -> EvaluationRow {
        guard let equals = piece.lastIndex(of: "=") else {
            switch piece {
            case "": throw .badRow(text, reason: "a row is empty")
            case "profile": return profile
            case "hybrid": return Self(name: piece, content: .parts(publishedParts, isFirst: false))
            case "baseline": return baseline
            case "oracle": return oracle
            default: return Self(name: piece, content: .parts([piece], isFirst: false))
            }
        }
        let name = trimmed(piece[..<equals])
        var list = trimmed(piece[piece.index(after: equals)...])
        guard !name.isEmpty, !list.isEmpty else {
            throw .badRow(text, reason: "want NAME=PART,PART,… in '\(piece)'")
        }
        if list == "baseline" { return Self(name: name, content: .baseline) }
        if list == "oracle" { return Self(name: name, content: .oracle) }
        let isFirst = list.hasPrefix("first:")
        if isFirst { list = String(list.dropFirst("first:".count)) }
        if list == "profile" { return Self(name: name, content: .parts(nil, isFirst: isFirst)) }
        if list == "hybrid" {
            return Self(name: name, content: .parts(publishedParts, isFirst: isFirst))
        }
        let parts = list.split(separator: ",", omittingEmptySubsequences: false).map(trimmed)
        guard parts.allSatisfy({ !$0.isEmpty }), Set(parts).count == parts.count else {
            throw .badRow(text, reason: "a part of '\(name)' is empty or stands there twice")
        }
        return Self(name: name, content: .parts(parts, isFirst: isFirst))
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }

    /// The rows of a table that nobody chose: each part, the whole, the published columns where there
    /// are others beside them, the baseline, and the oracle if its truth is known.
    static func all(of parts: [String], hasTruth: Bool) -> [EvaluationRow] {
        var rows = parts.map { Self(name: $0, content: .parts([$0], isFirst: false)) }
        let hybrid = parts.filter(publishedParts.contains)
        if !hybrid.isEmpty, hybrid.count < parts.count, hybrid.count > 1 {
            rows.append(Self(name: "hybrid", content: .parts(hybrid, isFirst: false)))
        }
        rows += [profile, baseline]
        if hasTruth { rows.append(oracle) }
        return rows
    }

    /// Columns of the row's parts in a table that has `parts`; nil for all of it.
    func columns(
        in parts: [EmbeddingTable.Part], path: String
    ) throws(EvaluationRunError) -> [Range<Int>]? {
        guard case .parts(let names?, _) = content else { return nil }
        var columns: [Range<Int>] = []
        for name in names {
            guard let part = parts.first(where: { $0.name == name }) else {
                let known = parts.map(\.name).joined(separator: ", ")
                throw .badRow(
                    self.name,
                    reason: "\(path) has no part '\(name)'; it has "
                        + (known.isEmpty ? "no parts, for want of a manifest" : known))
            }
            columns.append(part.columns)
        }
        return columns
    }
}
