/// Parameters of `log.level`: asks without a `level`, changes with one.
package struct LogLevelParameters: Sendable, Equatable {
    /// In ascending order of importance.
    package static let levels = [
        "trace", "debug", "info", "notice", "warning", "error", "critical",
    ]

    package var level: String?
    package var guards = MutationGuards()

    package init() {}

    /// Reads the parameters.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        level = try parameters.text("level", atMost: 16)
        if let level, !Self.levels.contains(level) {
            throw .invalid(
                "level", "one of " + Self.levels.joined(separator: ", "), .string(level))
        }
        guards = try MutationGuards(&parameters)
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        (level.map { [.init("level", .string($0))] } ?? []) + guards.members
    }
}
