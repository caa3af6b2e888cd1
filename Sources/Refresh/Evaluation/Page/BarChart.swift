/// Scores of one task, a bar a row, as inline SVG.
struct BarChart {
    struct Bar {
        var name: String
        var style: String
        /// 0…1.
        var value: Double
        /// Standard deviation over seeds; nil of one seed.
        var spread: Double?
    }

    var title: String
    var bars: [Bar]

    private static let rowHeight = 22.0
    private static let left = 150.0
    private static let size = 240.0

    /// The chart, with its title above it.
    var svg: String {
        let height = Double(bars.count) * Self.rowHeight + 24
        let width = Self.left + Self.size + 56
        var out = "<figure><figcaption>\(Markup.escape(title))</figcaption>"
        out += "<svg viewBox=\"0 0 \(Plot.text(width)) \(Plot.text(height))\" role=\"img\" "
        out += "aria-label=\"\(Markup.escape(title))\">"
        for step in 0...4 {
            let x = Plot.text(Self.left + Self.size * Double(step) / 4)
            out += "<line class=\"grid\" x1=\"\(x)\" y1=\"0\" x2=\"\(x)\" "
            out += "y2=\"\(Plot.text(height - 20))\"/>"
            out += "<text class=\"tick\" x=\"\(x)\" y=\"\(Plot.text(height - 6))\" "
            out += "text-anchor=\"middle\">\(Markup.fixed(Double(step) / 4, 2))</text>"
        }
        for (index, bar) in bars.enumerated() {
            out += draw(bar, y: Double(index) * Self.rowHeight)
        }
        return out + "</svg></figure>"
    }

    private func draw(_ bar: Bar, y: Double) -> String {
        let value = bar.value.isFinite ? min(1, max(0, bar.value)) : 0
        let middle = Plot.text(y + Self.rowHeight / 2 + 4)
        let end = Self.left + value * Self.size
        var out = "<text class=\"name\" x=\"\(Plot.text(Self.left - 8))\" y=\"\(middle)\" "
        out += "text-anchor=\"end\">\(Markup.escape(Self.short(bar.name)))</text>"
        out += "<rect class=\"bar \(bar.style)\" x=\"\(Plot.text(Self.left))\" "
        out += "y=\"\(Plot.text(y + 4))\" width=\"\(Plot.text(value * Self.size))\" "
        out += "height=\"\(Plot.text(Self.rowHeight - 8))\">"
        out += "<title>\(Markup.escape(bar.name)): \(Markup.fixed(bar.value, 4))</title></rect>"
        var labelX = end + 6
        if let spread = bar.spread, spread.isFinite {
            let half = spread * Self.size
            let line = Plot.text(y + Self.rowHeight / 2)
            out += "<line class=\"whisker\" x1=\"\(Plot.text(max(Self.left, end - half)))\" "
            out += "y1=\"\(line)\" x2=\"\(Plot.text(end + half))\" y2=\"\(line)\"/>"
            labelX += half
        }
        out += "<text class=\"value\" x=\"\(Plot.text(labelX))\" y=\"\(middle)\">"
        return out + "\(Markup.fixed(bar.value, 3))</text>"
    }

    /// What fits beside the bar.
    private static func short(_ name: String) -> String {
        name.count <= 24 ? name : name.prefix(23) + "…"
    }
}
