import Encoders

/// Which columns of a profile belong to which part.
package struct ProfileLayout: Hashable, Sendable, Codable {
    /// One part: columns `start..<end`.
    package struct Part: Hashable, Sendable, Codable {
        package var name: String
        /// First column.
        package var start: Int
        /// One past the last column.
        package var end: Int

        /// Columns `start..<end` under a name.
        package init(name: String, start: Int, end: Int) {
            self.name = name
            self.start = start
            self.end = end
        }
    }

    package let parts: [Part]

    /// Lays out parts of the given widths, in order.
    package init(_ widths: [(name: String, width: Int)]) {
        var start = 0
        parts = widths.map { name, width in
            defer { start += width }
            return Part(name: name, start: start, end: start + width)
        }
    }

    /// D.
    package var width: Int { parts.last?.end ?? 0 }
}
