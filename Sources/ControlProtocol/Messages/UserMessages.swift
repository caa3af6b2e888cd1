/// Parameters of `user.forget`.
package struct UserForgetParameters: Sendable, Equatable {
    /// Bytes of a reason, at most.
    package static let reasonByteCount = 500

    package var user: UserReference
    /// Kept with the suppression; it should name a case, and no person.
    package var reason: String
    /// Whether events behind the place where the log stands now count again.
    package var allowsReturn = false
    package var guards = MutationGuards()

    package init(user: UserReference, reason: String) {
        self.user = user
        self.reason = reason
    }

    /// Reads the parameters.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        user = try parameters.user()
        reason = try parameters.text("reason", atMost: Self.reasonByteCount) ?? ""
        allowsReturn = try parameters.boolean("allow_return") ?? false
        guards = try MutationGuards(&parameters)
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        var members: [JSONValue.Member] = [
            .init("user", user.json), .init("reason", .string(reason)),
        ]
        if allowsReturn { members.append(.init("allow_return", .bool(true))) }
        return members + guards.members
    }
}

/// Parameters of `user.export`.
package struct UserExportParameters: Sendable, Equatable {
    package var user: UserReference

    package init(user: UserReference) { self.user = user }

    /// Reads the parameters.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        user = try parameters.user()
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] { [.init("user", user.json)] }
}

/// Parameters of `user.suppressions`.
package struct UserSuppressionsParameters: Sendable, Equatable {
    /// Entries of a page, at most, and how many there are unless the peer says.
    package static let limits: ClosedRange<Int64> = 1...1000
    package static let standardLimit: Int64 = 100

    /// Input of the entry that the page before ended with.
    package var after: Int64?
    package var limit = UserSuppressionsParameters.standardLimit

    package init() {}

    /// Reads the parameters.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        after = try parameters.integer("after", in: 0...Int64.max)
        limit = try parameters.integer("limit", in: Self.limits) ?? Self.standardLimit
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        if let after { members.append(.init("after", .int(after))) }
        members.append(.init("limit", .int(limit)))
        return members
    }
}

/// Answer to `user.forget`.
package struct UserForgetReply: Sendable, Equatable {
    package var user: String
    /// The shop's own text for the user, if it has one.
    package var original: String?
    /// Whether anything was held about the user.
    package var known = false
    /// Whether the user was forgotten for good before; then nothing was done.
    package var already = false
    /// The input that forgets the user; nil when nothing was done.
    package var input: Int64?
    /// `segment/record`: where in the log it takes effect; and how many records lie before it.
    package var place = ""
    package var offset: Int64 = 0
    /// Events and rows that were held.
    package var events: Int64 = 0
    package var rows: Int64 = 0
    package var allowsReturn = false
    package var isDryRun = false

    package init(user: String) { self.user = user }

    /// As an object.
    package var json: JSONValue {
        [
            "user": .string(user), "original": .optional(original), "known": .bool(known),
            "already": .bool(already), "input": .optional(input), "place": .string(place),
            "offset": .int(offset), "events": .int(events), "rows": .int(rows),
            "allow_return": .bool(allowsReturn), "dry_run": .bool(isDryRun),
        ]
    }

    /// Reads a reply; what is missing is zero.
    package init(json: JSONValue) {
        user = json["user"]?.text ?? ""
        original = json["original"]?.text
        known = json["known"]?.boolean ?? false
        already = json["already"]?.boolean ?? false
        input = json["input"]?.integer
        place = json["place"]?.text ?? ""
        offset = json["offset"]?.integer ?? 0
        events = json["events"]?.integer ?? 0
        rows = json["rows"]?.integer ?? 0
        allowsReturn = json["allow_return"]?.boolean ?? false
        isDryRun = json["dry_run"]?.boolean ?? false
    }
}

/// One forgotten user, in replies.
package struct SuppressionReply: Sendable, Equatable {
    package var input: Int64 = 0
    package var user: String
    package var original: String?
    package var place = ""
    package var offset: Int64 = 0
    package var allowsReturn = false
    package var reason = ""
    /// When it was accepted, and when all that can be reached was erased; seconds since 1970.
    package var seconds: Int64 = 0
    package var erasedSeconds: Int64?
    /// Snapshots that were rewritten, and quarantined records that were removed.
    package var snapshots: Int64 = 0
    package var quarantined: Int64 = 0
    /// Quarantined records that name no user, so that they may be anybody's.
    package var unreadable: Int64 = 0

    package init(user: String) { self.user = user }

    /// As an object.
    package var json: JSONValue {
        [
            "input": .int(input), "user": .string(user), "original": .optional(original),
            "place": .string(place), "offset": .int(offset), "allow_return": .bool(allowsReturn),
            "reason": .string(reason), "forgotten": .int(seconds),
            "erased": .optional(erasedSeconds), "snapshots": .int(snapshots),
            "quarantined": .int(quarantined), "unreadable": .int(unreadable),
        ]
    }

    /// Reads a reply; what is missing is zero.
    package init(json: JSONValue) {
        input = json["input"]?.integer ?? 0
        user = json["user"]?.text ?? ""
        original = json["original"]?.text
        place = json["place"]?.text ?? ""
        offset = json["offset"]?.integer ?? 0
        allowsReturn = json["allow_return"]?.boolean ?? false
        reason = json["reason"]?.text ?? ""
        seconds = json["forgotten"]?.integer ?? 0
        erasedSeconds = json["erased"]?.integer
        snapshots = json["snapshots"]?.integer ?? 0
        quarantined = json["quarantined"]?.integer ?? 0
        unreadable = json["unreadable"]?.integer ?? 0
    }
}

extension Parameters {
    /// The one user that a method is about.
    mutating func user() throws(ControlError) -> UserReference {
        guard let value = value("user") else { throw .missing("user", Self.userWant) }
        guard let user = UserReference(json: value) else {
            throw .invalid("user", Self.userWant, value)
        }
        return user
    }
}
