/// Families of samples as text, in the form that Prometheus and OpenMetrics have in common
/// (OpenMetrics 1.0, https://prometheus.io/docs/specs/om/open_metrics_spec/; the older form is
/// https://prometheus.io/docs/instrumenting/exposition_formats/).
struct MetricsText {
    /// Which of the two readers it is for.
    enum Form {
        /// Answered over the socket; ends with `# EOF`, counters' families are named without `_total`.
        case openMetrics
        /// For the textfile collector of node_exporter, which reads the older form alone.
        case textfile
    }

    /// What a family's samples are.
    enum Kind: String {
        case counter
        case gauge
        case histogram
    }

    private let form: Form
    private(set) var text = ""
    private var family = ""
    private var kind = Kind.gauge

    init(_ form: Form) { self.form = form }

    /// Begins a family; its name has the unit at its end, a counter's is without `_total`.
    mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        family = name
        self.kind = kind
        let shown = form == .textfile && kind == .counter ? name + "_total" : name
        text += "# HELP \(shown) \(Self.escaped(help))\n# TYPE \(shown) \(kind.rawValue)\n"
    }

    /// Adds a sample of the present family.
    mutating func add(_ value: Double, _ labels: [(name: String, value: String)] = []) {
        let suffix = kind == .counter ? "_total" : ""
        line(suffix, labels, Self.number(value))
    }

    /// Adds a histogram: its cumulative counts are made here.
    ///
    /// - Parameters:
    ///   - counts: one more than bounds, not cumulative; the last is of what is above all bounds.
    ///   - bounds: ascending, inclusive.
    ///   - sum: of all observations.
    ///   - labels: of all its samples.
    mutating func add(
        counts: [UInt64], bounds: [Double], sum: Double, _ labels: [(name: String, value: String)]
    ) {
        precondition(counts.count == bounds.count + 1, "MetricsText: \(counts.count) counts")
        var below: UInt64 = 0
        for (index, count) in counts.enumerated() {
            below += count
            let bound = index < bounds.count ? Self.number(bounds[index]) : "+Inf"
            line("_bucket", labels + [("le", bound)], "\(below)")
        }
        line("_sum", labels, Self.number(sum))
        line("_count", labels, "\(below)")
    }

    /// The whole text.
    func finished() -> String { form == .openMetrics ? text + "# EOF\n" : text }

    private mutating func line(
        _ suffix: String, _ labels: [(name: String, value: String)], _ value: String
    ) {
        let shown = labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }
        let list = shown.isEmpty ? "" : "{" + shown.joined(separator: ",") + "}"
        text += "\(family)\(suffix)\(list) \(value)\n"
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if value == value.rounded(), abs(value) < 9e15 { return "\(Int64(value))" }
        return "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool = false) -> String {
        var out = ""
        for character in text {
            switch character {
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\"" where quotes: out += "\\\""
            default: out.append(character)
            }
        }
        return out
    }
}
