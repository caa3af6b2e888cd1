/// Something that `ubpd check-config` has found beside the configuration.
package struct MachineFinding: Sendable, Equatable, CustomStringConvertible {
    /// Whether `ubpd run` would not start, or not work; else it works, and less well.
    package let isError: Bool
    /// Where the value was set that this is about.
    package let place: String
    /// What is wrong.
    package let problem: String
    /// What to do about it.
    package let advice: String

    package var description: String {
        "\(isError ? "error" : "warning"): \(place): \(problem); \(advice)"
    }
}
