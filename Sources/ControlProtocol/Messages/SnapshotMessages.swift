/// Parameters of `snapshot.create`.
package struct SnapshotCreateParameters: Sendable, Equatable {
    /// Compressed bytes of lag to wait for; nil means do not wait.
    package var waitForLag: Int64?
    /// Seconds to wait, at most.
    package var timeoutSeconds: Double?
    /// Exactly these users; nil means the active population.
    package var users: [UserReference]?
    /// The generation whose profiles are written; the active one unless it names another.
    package var choice = ServedChoice()
    package var guards = MutationGuards()

    package init() {}

    /// Reads the parameters.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        waitForLag = try parameters.integer("wait_for_lag", in: 0...Int64.max)
        timeoutSeconds = try parameters.number("timeout", in: 0...86_400)
        users = try parameters.users("users")
        choice = try ServedChoice(&parameters)
        guards = try MutationGuards(&parameters)
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        if let waitForLag { members.append(.init("wait_for_lag", .int(waitForLag))) }
        if let timeoutSeconds { members.append(.init("timeout", .double(timeoutSeconds))) }
        if let users { members.append(.init("users", .array(users.map(\.json)))) }
        return members + choice.members + guards.members
    }
}

/// What every mutation takes: a look without a leap, and the state it counts on.
package struct MutationGuards: Sendable, Equatable {
    /// Only check and say what would happen.
    package var isDryRun = false
    /// Version that `current` must have, else `expect_version`.
    package var expectVersion: Int64?
    /// Chosen by the client: the same request under the same id is carried out once.
    package var id: String?

    package init() {}

    /// Reads `dry_run`, `expect_version` and `id`.
    package init(_ parameters: inout Parameters) throws(ControlError) {
        id = try parameters.requestID()
        isDryRun = try parameters.boolean("dry_run") ?? false
        expectVersion = try parameters.integer("expect_version", in: 0...Int64.max)
    }

    /// Reads the parameters of a mutation that takes no others.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        try self.init(&parameters)
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        if isDryRun { members.append(.init("dry_run", .bool(true))) }
        if let expectVersion { members.append(.init("expect_version", .int(expectVersion))) }
        if let id { members.append(.init("id", .string(id))) }
        return members
    }
}

/// Parameters of `snapshot.rollback`.
package struct RollbackParameters: Sendable, Equatable {
    package var version: Int64
    /// Kept with the hold, for the next person who looks.
    package var reason: String
    package var guards = MutationGuards()

    package init(version: Int64, reason: String) {
        self.version = version
        self.reason = reason
    }

    /// Reads the parameters.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        version = try parameters.snapshotVersion()
        guard let reason = try parameters.text("reason", atMost: 1000), !reason.isEmpty else {
            throw .missing("reason", "a sentence for whoever finds `current` held")
        }
        self.reason = reason
        guards = try MutationGuards(&parameters)
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        [.init("version", .int(version)), .init("reason", .string(reason))] + guards.members
    }
}

/// Parameters of `snapshot.show` and `snapshot.verify`.
package struct SnapshotParameters: Sendable, Equatable {
    package var version: Int64

    package init(version: Int64) { self.version = version }

    /// Reads the parameters.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        version = try parameters.snapshotVersion()
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] { [.init("version", .int(version))] }
}

extension Parameters {
    /// The id that the client chose for its request, or nil when absent.
    package mutating func requestID() throws(ControlError) -> String? {
        guard let id = try text("id", atMost: 128) else { return nil }
        guard !id.isEmpty, id.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else { throw .invalid("id", "1…128 bytes of text without control characters", "") }
        return id
    }

    mutating func snapshotVersion(_ name: String = "version") throws(ControlError) -> Int64 {
        guard let version = try integer(name, in: 0...Int64.max) else {
            throw .missing(name, "a snapshot's version; `snapshot.list` has them")
        }
        return version
    }
}

/// One snapshot in a reply.
package struct SnapshotReply: Sendable, Equatable {
    package var version: Int64
    package var path: String
    package var isCurrent: Bool
    package var users: Int64
    package var width: Int64
    package var space: Int64
    package var generation: Int64
    package var trained: Bool
    package var asOf: Int64?
    package var offset: Int64
    package var bytes: Int64
    /// Seconds since 1970, wall clock.
    package var created: Int64
    package var parent: Int64?
    /// SHA-256 in hexadecimal by file name, ascending by name.
    package var hashes: [JSONValue.Member]
    /// Why retention passes it over; nil when it is not pinned.
    package var pin: String?

    /// As an object.
    package var json: JSONValue {
        [
            "version": .int(version), "path": .string(path), "current": .bool(isCurrent),
            "users": .int(users), "width": .int(width), "space": .int(space),
            "generation": .int(generation), "trained": .bool(trained), "as_of": .optional(asOf),
            "offset": .int(offset), "bytes": .int(bytes), "created": .int(created),
            "parent": .optional(parent), "hashes": .object(hashes), "pin": .optional(pin),
        ]
    }

    package init(
        version: Int64, path: String, isCurrent: Bool, users: Int64, width: Int64, space: Int64,
        generation: Int64, trained: Bool, asOf: Int64?, offset: Int64, bytes: Int64,
        created: Int64, parent: Int64?, hashes: [JSONValue.Member]
    ) {
        self.version = version
        self.path = path
        self.isCurrent = isCurrent
        self.users = users
        self.width = width
        self.space = space
        self.generation = generation
        self.trained = trained
        self.asOf = asOf
        self.offset = offset
        self.bytes = bytes
        self.created = created
        self.parent = parent
        self.hashes = hashes
    }

    /// Reads a reply; what is missing is zero.
    package init(json: JSONValue) {
        version = json["version"]?.integer ?? 0
        path = json["path"]?.text ?? ""
        isCurrent = json["current"]?.boolean ?? false
        users = json["users"]?.integer ?? 0
        width = json["width"]?.integer ?? 0
        space = json["space"]?.integer ?? 0
        generation = json["generation"]?.integer ?? 0
        trained = json["trained"]?.boolean ?? false
        asOf = json["as_of"]?.integer
        offset = json["offset"]?.integer ?? 0
        bytes = json["bytes"]?.integer ?? 0
        created = json["created"]?.integer ?? 0
        parent = json["parent"]?.integer
        hashes = []
        if case .object(let members) = json["hashes"] { hashes = members }
        pin = json["pin"]?.text
    }
}

/// Answer to `snapshot.rollback` and `snapshot.release`.
package struct CurrentReply: Sendable, Equatable {
    package var previous: Int64?
    package var current: Int64?
    /// Why `current` is held; nil when it is not.
    package var hold: String?
    /// The generation that takes over in the background; nil when it answers already.
    package var reactivates: Int64?
    /// Seconds that moving `current` took.
    package var seconds: Double
    package var isDryRun: Bool

    package init(
        previous: Int64?, current: Int64?, hold: String?, reactivates: Int64? = nil,
        seconds: Double, isDryRun: Bool
    ) {
        self.previous = previous
        self.current = current
        self.hold = hold
        self.reactivates = reactivates
        self.seconds = seconds
        self.isDryRun = isDryRun
    }

    /// As an object.
    package var json: JSONValue {
        [
            "previous": .optional(previous), "current": .optional(current),
            "hold": .optional(hold), "reactivates": .optional(reactivates),
            "seconds": .double(seconds), "dry_run": .bool(isDryRun),
        ]
    }

    /// Reads a reply; what is missing is zero.
    package init(json: JSONValue) {
        previous = json["previous"]?.integer
        current = json["current"]?.integer
        hold = json["hold"]?.text
        reactivates = json["reactivates"]?.integer
        seconds = json["seconds"]?.number ?? 0
        isDryRun = json["dry_run"]?.boolean ?? false
    }
}
