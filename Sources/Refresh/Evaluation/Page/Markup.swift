/// Text that is safe between tags and in quoted attributes, and numbers with so many decimals.
enum Markup {
    /// `text` with what HTML and XML would read as markup written out; control characters go.
    static func escape(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            case "\n", "\t": out += " "
            default:
                // What XML 1.0 §2.2 does not count as a character.
                let value = scalar.value
                if value >= 0x20, value != 0xFFFE, value != 0xFFFF {
                    out.unicodeScalars.append(scalar)
                }
            }
        }
        return out
    }

    /// `value` with `digits` decimals, 0…9, rounded half away from zero; a dash when it is not finite.
    static func fixed(_ value: Double, _ digits: Int) -> String {
        precondition((0...9).contains(digits), "Markup.fixed: \(digits) digits")
        guard value.isFinite, value.magnitude < 1e9 else { return "–" }
        var scale: Int64 = 1
        for _ in 0..<digits { scale *= 10 }
        let whole = Int64((value.magnitude * Double(scale)).rounded())
        let sign = value < 0 && whole > 0 ? "-" : ""
        guard digits > 0 else { return sign + String(whole) }
        let rest = String(whole % scale)
        return sign + String(whole / scale) + "."
            + String(repeating: "0", count: digits - rest.count) + rest
    }

    /// `count` with a thin gap between thousands.
    static func grouped(_ count: Int) -> String {
        let digits = Array(String(count.magnitude))
        var out = count < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { out += "\u{2009}" }
            out.append(digit)
        }
        return out
    }
}
