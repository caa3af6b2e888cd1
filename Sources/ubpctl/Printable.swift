extension String {
    /// The text on one line, with `·` for each control character (C0, DEL and C1).
    ///
    /// What operators and producers wrote must not move the cursor of whoever reads it, or pass for
    /// a line of ours.
    var printable: String {
        String(UnicodeScalarView(unicodeScalars.map { $0.isControl ? "·" : $0 }))
    }

    /// The same line by line, for texts whose line ends mean something.
    var printableLines: String {
        String(UnicodeScalarView(unicodeScalars.map { $0.isControl && $0 != "\n" ? "·" : $0 }))
    }
}

extension Unicode.Scalar {
    /// Whether a terminal may obey it rather than show it.
    fileprivate var isControl: Bool { value < 0x20 || 0x7F...0x9F ~= value }
}
