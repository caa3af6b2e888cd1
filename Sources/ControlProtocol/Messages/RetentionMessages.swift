/// Parameters of `snapshot.pin` and `snapshot.unpin`.
package struct PinParameters: Sendable, Equatable {
    package var version: Int64
    /// For whoever wonders why it is still there; only a pin has one.
    package var reason = ""
    package var guards = MutationGuards()

    package init(version: Int64) { self.version = version }

    /// Reads the parameters of a pin, or of its end.
    package init(_ members: [JSONValue.Member], isPin: Bool) throws(ControlError) {
        var parameters = Parameters(members)
        version = try parameters.snapshotVersion()
        if isPin { reason = try parameters.text("reason", atMost: 1000) ?? "" }
        guards = try MutationGuards(&parameters)
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        [.init("version", .int(version))]
            + (reason.isEmpty ? [] : [.init("reason", .string(reason))]) + guards.members
    }
}

/// Parameters of `snapshot.diff`.
package struct DifferenceParameters: Sendable, Equatable {
    /// Users that each list names, at most, and how many unless the peer says.
    package static let limits: ClosedRange<Int64> = 0...1000
    package static let standardLimit: Int64 = 10

    package var from: Int64
    package var to: Int64
    package var limit = DifferenceParameters.standardLimit

    package init(from: Int64, to: Int64) {
        self.from = from
        self.to = to
    }

    /// Reads the parameters.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        from = try parameters.snapshotVersion("from")
        to = try parameters.snapshotVersion("to")
        limit = try parameters.integer("limit", in: Self.limits) ?? Self.standardLimit
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        [.init("from", .int(from)), .init("to", .int(to)), .init("limit", .int(limit))]
    }
}
