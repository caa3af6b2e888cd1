/// One square or oblong diagram as inline SVG: a frame, an axis each, lines and points in it.
struct Plot {
    /// A line through points.
    struct Line {
        var name: String
        /// Of `PageStyle`.
        var style: String
        /// x and y in the axes' units.
        var points: [(x: Double, y: Double)]
        var hasMarks = false
    }

    var title: String
    var xLabel: String
    var yLabel: String
    var lines: [Line]
    /// Both axes go from 0 to this.
    var limit = 1.0
    /// Whether the diagonal is drawn: what guesses, or what is calibrated, lies on it.
    var hasDiagonal = true

    private static let size = 300.0
    private static let left = 56.0
    /// Half of the last tick's label.
    private static let right = 18.0
    private static let top = 10.0
    private static let bottom = 40.0

    /// The diagram, with its title above it.
    var svg: String {
        let width = Self.left + Self.size + Self.right
        let height = Self.top + Self.size + Self.bottom
        var out = "<figure><figcaption>\(Markup.escape(title))</figcaption>"
        out += "<svg viewBox=\"0 0 \(Self.text(width)) \(Self.text(height))\" role=\"img\" "
        out += "aria-label=\"\(Markup.escape(title))\">"
        out += frame
        if hasDiagonal { out += segment(0, 0, 1, 1, "chance") }
        for line in lines {
            let drawn = line.points.map { (x: $0.x / limit, y: $0.y / limit) }
            let points = drawn.map { "\(Self.text(x($0.x))),\(Self.text(y($0.y)))" }
            out += "<polyline class=\"line \(line.style)\" "
            out += "points=\"\(points.joined(separator: " "))\">"
            out += "<title>\(Markup.escape(line.name))</title></polyline>"
            guard line.hasMarks else { continue }
            for point in drawn {
                out += "<circle class=\"mark \(line.style)\" cx=\"\(Self.text(x(point.x)))\" "
                out += "cy=\"\(Self.text(y(point.y)))\" r=\"2.6\"/>"
            }
        }
        return out + "</svg></figure>"
    }

    private var frame: String {
        var out = ""
        for step in 0...5 {
            let value = Double(step) / 5
            out += segment(value, 0, value, 1, "grid") + segment(0, value, 1, value, "grid")
            let label = Markup.fixed(value * limit, limit < 0.5 ? 3 : limit < 1 ? 2 : 1)
            out += "<text class=\"tick\" x=\"\(Self.text(x(value)))\" "
            out += "y=\"\(Self.text(y(0) + 15))\" text-anchor=\"middle\">\(label)</text>"
            out += "<text class=\"tick\" x=\"\(Self.text(x(0) - 6))\" "
            out += "y=\"\(Self.text(y(value) + 4))\" text-anchor=\"end\">\(label)</text>"
        }
        let middle = y(0.5)
        out += "<text class=\"axis\" x=\"\(Self.text(x(0.5)))\" y=\"\(Self.text(y(0) + 33))\" "
        out += "text-anchor=\"middle\">\(Markup.escape(xLabel))</text>"
        out += "<text class=\"axis\" x=\"12\" y=\"\(Self.text(middle))\" text-anchor=\"middle\" "
        out += "transform=\"rotate(-90 12 \(Self.text(middle)))\">\(Markup.escape(yLabel))</text>"
        return out
    }

    private func segment(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String
    ) -> String {
        "<line class=\"\(style)\" x1=\"\(Self.text(x(x1)))\" y1=\"\(Self.text(y(y1)))\" "
            + "x2=\"\(Self.text(x(x2)))\" y2=\"\(Self.text(y(y2)))\"/>"
    }

    private func x(_ value: Double) -> Double { Self.left + Self.clamped(value) * Self.size }
    private func y(_ value: Double) -> Double { Self.top + (1 - Self.clamped(value)) * Self.size }
    private static func clamped(_ value: Double) -> Double {
        value.isFinite ? min(1, max(0, value)) : 0
    }

    /// A coordinate, to a tenth.
    static func text(_ value: Double) -> String { Markup.fixed(value, 1) }
}
