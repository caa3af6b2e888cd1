/// The map of profiles as inline SVG, with its legend.
struct ProfileMapChart {
    var map: ProfileMap

    private static let width = 720.0
    private static let height = 460.0
    private static let margin = 14.0

    /// The diagram and the legend below it.
    var svg: String {
        guard let box = bounds else { return "<p class=\"note\">No user to show.</p>" }
        var out = "<figure class=\"wide\"><svg viewBox=\"0 0 \(Plot.text(Self.width)) "
        out += "\(Plot.text(Self.height))\" role=\"img\" aria-label=\"map of profiles\">"
        out += "<rect class=\"ground\" x=\"0\" y=\"0\" width=\"\(Plot.text(Self.width))\" "
        out += "height=\"\(Plot.text(Self.height))\"/>"
        // The rest first, so that what has a colour lies above it.
        let order = map.points.indices.sorted { left, right in
            (rank(map.points[left].group), left) < (rank(map.points[right].group), right)
        }
        for index in order {
            let point = map.points[index]
            let x = Self.margin + box.x(point.x) * (Self.width - 2 * Self.margin)
            let y = Self.margin + (1 - box.y(point.y)) * (Self.height - 2 * Self.margin)
            out += "<circle class=\"dot \(style(point.group))\" cx=\"\(Plot.text(x))\" "
            out += "cy=\"\(Plot.text(y))\" r=\"2.8\"/>"
        }
        out += "</svg></figure><ul class=\"legend\">"
        for (index, group) in map.groups.enumerated() {
            let count = map.points.count { $0.group == index }
            out += "<li><span class=\"key \(style(index))\"></span>\(Markup.escape(group)) "
            out += "<small>\(Markup.grouped(count))</small></li>"
        }
        return out + "</ul>"
    }

    private func rank(_ group: Int) -> Int { group >= map.namedGroupCount ? 0 : 1 }

    private func style(_ group: Int) -> String {
        group >= map.namedGroupCount ? "rest" : PageStyle.colour(group)
    }

    private struct Box {
        var lowX: Double
        var highX: Double
        var lowY: Double
        var highY: Double

        func x(_ value: Double) -> Double { share(value, lowX, highX) }
        func y(_ value: Double) -> Double { share(value, lowY, highY) }
        private func share(_ value: Double, _ low: Double, _ high: Double) -> Double {
            high > low ? min(1, max(0, (value - low) / (high - low))) : 0.5
        }
    }

    /// All but the outermost half percent on each side, which stand at the edge.
    private var bounds: Box? {
        let xs = map.points.map(\.x).filter(\.isFinite).sorted()
        let ys = map.points.map(\.y).filter(\.isFinite).sorted()
        guard !xs.isEmpty, !ys.isEmpty else { return nil }
        func low(_ values: [Double]) -> Double { values[values.count / 200] }
        func high(_ values: [Double]) -> Double { values[values.count - 1 - values.count / 200] }
        return Box(lowX: low(xs), highX: high(xs), lowY: low(ys), highY: high(ys))
    }
}
