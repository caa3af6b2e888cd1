/// Parameters of `profile.watch`.
package struct WatchParameters: Sendable, Equatable {
    /// Users that may be named, and changes of one reply.
    package static let userLimit = 500
    package static let limits: ClosedRange<Int64> = 1...10_000
    package static let standardLimit: Int64 = 1000
    /// Seconds that a reply without changes is waited for.
    package static let waits: ClosedRange<Double> = 0...60
    package static let standardWait = 30.0

    /// Whose changes; nil for everybody's.
    package var users: [UserReference]?
    /// The revision behind which changes are asked for; nil asks for the present one.
    package var after: String?
    package var limit = Self.standardLimit
    package var waitSeconds = Self.standardWait

    package init(users: [UserReference]? = nil, after: String? = nil) {
        self.users = users
        self.after = after
    }

    /// Reads `users`, `after`, `limit` and `wait`.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        users = try parameters.users("users")
        if let users, !(1...Self.userLimit).contains(users.count) {
            throw ControlError(
                users.isEmpty ? .invalidParams : .tooLarge,
                "`users` has \(users.count) users",
                hint: "send 1…\(Self.userLimit) of them, or none at all for everybody")
        }
        after = try parameters.text("after", atMost: 64)
        limit = try parameters.integer("limit", in: Self.limits) ?? Self.standardLimit
        waitSeconds = try parameters.number("wait", in: Self.waits) ?? Self.standardWait
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        if let users { members.append(.init("users", .array(users.map(\.json)))) }
        if let after { members.append(.init("after", .string(after))) }
        if limit != Self.standardLimit { members.append(.init("limit", .int(limit))) }
        if waitSeconds != Self.standardWait { members.append(.init("wait", .double(waitSeconds))) }
        return members
    }
}

/// The answer of `profile.watch`.
package struct WatchReply: Sendable, Equatable {
    /// One user who has changed.
    package struct Change: Sendable, Equatable {
        package var user: String
        /// The text the shop knows the user under; nil when the id is the shop's own number.
        package var original: String?
        package var revision: String
        /// Time of the newest event, seconds since 1970.
        package var newest: Int64?
        package var events: Int64
        /// Whether nothing is held of the user any more.
        package var isForgotten: Bool

        package init(
            user: String, original: String?, revision: String, newest: Int64?, events: Int64,
            isForgotten: Bool
        ) {
            self.user = user
            self.original = original
            self.revision = revision
            self.newest = newest
            self.events = events
            self.isForgotten = isForgotten
        }

        /// As a member of `changes`; `original` only when there is one.
        package var json: JSONValue {
            var members: [JSONValue.Member] = [.init("user", .string(user))]
            if let original { members.append(.init("original", .string(original))) }
            return .object(
                members + [
                    .init("revision", .string(revision)), .init("newest", .optional(newest)),
                    .init("events", .int(events)), .init("forgotten", .bool(isForgotten)),
                ])
        }

        /// Reads a change; what is missing is zero.
        package init(json: JSONValue) {
            user = json["user"]?.text ?? ""
            original = json["original"]?.text
            revision = json["revision"]?.text ?? ""
            newest = json["newest"]?.integer
            events = json["events"]?.integer ?? 0
            isForgotten = json["forgotten"]?.boolean ?? false
        }
    }

    /// What the next request asks for changes behind.
    package var revision: String
    package var changes: [Change]
    /// The earliest revision that could be answered; nil unless the one asked for could not.
    package var oldest: String?
    package var space: Int64
    package var generation: Int64
    package var offset: Int64

    package init(
        revision: String, changes: [Change], oldest: String?, space: Int64, generation: Int64,
        offset: Int64
    ) {
        self.revision = revision
        self.changes = changes
        self.oldest = oldest
        self.space = space
        self.generation = generation
        self.offset = offset
    }

    /// As the result of the request.
    package var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("revision", .string(revision)),
            .init("changes", .array(changes.map(\.json))),
            .init("compacted", .bool(oldest != nil)),
        ]
        if let oldest { members.append(.init("oldest", .string(oldest))) }
        return .object(
            members + [
                .init("space", .int(space)), .init("generation", .int(generation)),
                .init("offset", .int(offset)),
            ])
    }

    /// Reads a reply; what is missing is zero.
    package init(json: JSONValue) {
        revision = json["revision"]?.text ?? ""
        changes = (json["changes"]?.elements ?? []).map(Change.init)
        oldest = json["compacted"]?.boolean == true ? json["oldest"]?.text ?? "" : nil
        space = json["space"]?.integer ?? 0
        generation = json["generation"]?.integer ?? 0
        offset = json["offset"]?.integer ?? 0
    }
}
