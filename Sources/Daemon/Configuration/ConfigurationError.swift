/// Why a configuration was refused; all that is wrong with it, not only the first thing.
package enum ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// The file could not be read.
    case unreadable(path: String, reason: String)
    /// It was read, and these things are wrong.
    case invalid([Problem])

    /// One thing that is wrong, and where.
    package struct Problem: Error, Equatable, Sendable, CustomStringConvertible {
        /// File, or the flag that the value came from.
        package let source: String
        /// Line in the file, from 1; nil for a flag or what is missing.
        package let line: Int?
        /// The key as written, sections before it joined with dots; nil when it is about no key.
        package let key: String?
        /// What is wrong and what would be right.
        package let message: String

        package init(source: String, line: Int?, key: String?, message: String) {
            self.source = source
            self.line = line
            self.key = key
            self.message = message
        }

        package var description: String {
            [source, line.map(String.init), key].compactMap(\.self).joined(separator: ":")
                + ": " + message
        }
    }

    package var description: String {
        switch self {
        case .unreadable(let path, let reason): "\(path): \(reason); see `--config`"
        case .invalid(let problems): problems.map(\.description).joined(separator: "\n")
        }
    }
}
