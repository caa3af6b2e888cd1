/// How the numbers of a profile travel.
package enum VectorEncoding: String, Sendable, CaseIterable {
    /// JSON numbers, the shortest that read back as the same Float32.
    case numbers
    /// Base64 of little-endian IEEE binary32.
    case float32
    /// Base64 of little-endian IEEE binary16, rounded to nearest even as in snapshots.
    case float16
}

/// Parameters of `profile.get` (one user) and `profile.batch`.
package struct ProfileParameters: Sendable, Equatable {
    package var users: [UserReference]
    /// Event time to speak for, seconds since 1970; nil means the log clock.
    package var asOf: Int64?
    package var encoding: VectorEncoding
    /// The generation that is asked; the active one unless it names another.
    package var choice = ServedChoice()

    package init(users: [UserReference], asOf: Int64? = nil, encoding: VectorEncoding = .numbers) {
        self.users = users
        self.asOf = asOf
        self.encoding = encoding
    }

    /// Reads the parameters of `profile.get` (`user`) or of `profile.batch` (`users`).
    package init(_ members: [JSONValue.Member], isBatch: Bool) throws(ControlError) {
        var parameters = Parameters(members)
        if isBatch {
            guard let users = try parameters.users("users") else {
                throw .missing("users", "an array of users, each \(Parameters.userWant)")
            }
            self.users = users
        } else {
            guard let value = parameters.value("user") else {
                throw .missing("user", Parameters.userWant)
            }
            guard let user = UserReference(json: value) else {
                throw .invalid("user", Parameters.userWant, value)
            }
            users = [user]
        }
        asOf = try parameters.integer("as_of", in: 0...253_402_300_799)
        let name = try parameters.text("encoding")
        guard let encoding = VectorEncoding(rawValue: name ?? "numbers") else {
            let names = VectorEncoding.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalid("encoding", "one of \(names)", .optional(name))
        }
        self.encoding = encoding
        choice = try ServedChoice(&parameters)
        try parameters.finish()
    }

    /// The members that `init` reads.
    package func members(isBatch: Bool) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        if isBatch {
            members.append(.init("users", .array(users.map(\.json))))
        } else if let user = users.first {
            members.append(.init("user", user.json))
        }
        if let asOf { members.append(.init("as_of", .int(asOf))) }
        if encoding != .numbers { members.append(.init("encoding", .string(encoding.rawValue))) }
        return members + choice.members
    }
}

/// What all profiles of one reply share.
package struct ProfileHeader: Sendable, Equatable {
    /// Columns `start` to `end`, the end excluded.
    package struct Part: Sendable, Equatable {
        package var name: String
        package var start: Int
        package var end: Int

        package init(name: String, start: Int, end: Int) {
            self.name = name
            self.start = start
            self.end = end
        }
    }

    package var space: Int64
    package var generation: Int64
    package var trained: Bool
    package var asOf: Int64?
    package var offset: Int64
    package var stalenessSeconds: Int64
    package var width: Int
    package var parts: [Part]

    package init(
        space: Int64, generation: Int64, trained: Bool, asOf: Int64?, offset: Int64,
        stalenessSeconds: Int64, width: Int, parts: [Part]
    ) {
        self.space = space
        self.generation = generation
        self.trained = trained
        self.asOf = asOf
        self.offset = offset
        self.stalenessSeconds = stalenessSeconds
        self.width = width
        self.parts = parts
    }

    /// As members of a reply.
    package var members: [JSONValue.Member] {
        [
            .init("space", .int(space)), .init("generation", .int(generation)),
            .init("trained", .bool(trained)), .init("as_of", .optional(asOf)),
            .init("offset", .int(offset)), .init("staleness_seconds", .int(stalenessSeconds)),
            .init("width", .int(Int64(width))),
            .init(
                "parts",
                .array(
                    parts.map {
                        [
                            "name": .string($0.name), "start": .int(Int64($0.start)),
                            "end": .int(Int64($0.end)),
                        ]
                    })),
        ]
    }

    /// Reads a reply; what is missing is zero.
    package init(json: JSONValue) {
        space = json["space"]?.integer ?? 0
        generation = json["generation"]?.integer ?? 0
        trained = json["trained"]?.boolean ?? false
        asOf = json["as_of"]?.integer
        offset = json["offset"]?.integer ?? 0
        stalenessSeconds = json["staleness_seconds"]?.integer ?? 0
        width = Int(json["width"]?.integer ?? 0)
        parts = (json["parts"]?.elements ?? []).map {
            Part(
                name: $0["name"]?.text ?? "", start: Int($0["start"]?.integer ?? 0),
                end: Int($0["end"]?.integer ?? 0))
        }
    }
}

/// One user's profile in a reply.
package struct ProfileRow: Sendable, Equatable {
    package var user: String
    /// The text the shop knows the user under; nil when the id is the shop's own number.
    package var original: String?
    /// False for a user of whom nothing was applied; the vector is zeros then.
    package var known: Bool
    /// As `VectorEncoding` says.
    package var vector: JSONValue
    package var rows: Int64
    package var events: Int64
    package var pending: Int64
    /// Time of the newest event, seconds since 1970.
    package var newest: Int64?

    package init(
        user: String, original: String?, known: Bool, vector: JSONValue, rows: Int64,
        events: Int64, pending: Int64, newest: Int64?
    ) {
        self.user = user
        self.original = original
        self.known = known
        self.vector = vector
        self.rows = rows
        self.events = events
        self.pending = pending
        self.newest = newest
    }

    /// As members of a reply; `original` only when there is one.
    package var members: [JSONValue.Member] {
        var members: [JSONValue.Member] = [.init("user", .string(user))]
        if let original { members.append(.init("original", .string(original))) }
        return members + [
            .init("known", .bool(known)), .init("rows", .int(rows)), .init("events", .int(events)),
            .init("pending", .int(pending)), .init("newest", .optional(newest)),
            .init("vector", vector),
        ]
    }

    /// Reads a reply; what is missing is zero.
    package init(json: JSONValue) {
        user = json["user"]?.text ?? ""
        original = json["original"]?.text
        known = json["known"]?.boolean ?? false
        vector = json["vector"] ?? .null
        rows = json["rows"]?.integer ?? 0
        events = json["events"]?.integer ?? 0
        pending = json["pending"]?.integer ?? 0
        newest = json["newest"]?.integer
    }
}

extension VectorEncoding {
    /// The `vector` member for `values`, `[D]`.
    package func json(_ values: [Float]) -> JSONValue {
        switch self {
        case .numbers: return .floats(values)
        case .float32:
            var bytes: [UInt8] = []
            bytes.reserveCapacity(4 * values.count)
            for value in values {
                let bits = value.bitPattern
                for shift in [0, 8, 16, 24] as [UInt32] {
                    bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
                }
            }
            return .string(Base64.text(of: bytes))
        case .float16:
            var bytes: [UInt8] = []
            bytes.reserveCapacity(2 * values.count)
            for value in values {
                let bits = Float16(value).bitPattern
                bytes.append(UInt8(truncatingIfNeeded: bits))
                bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
            }
            return .string(Base64.text(of: bytes))
        }
    }

    /// The numbers of a `vector` member; nil when it is not of this encoding.
    package func values(of json: JSONValue) -> [Float]? {
        switch self {
        case .numbers:
            return json.elements?.map { Float($0.number ?? .nan) }
        case .float32:
            guard let bytes = json.text.flatMap(Base64.bytes), bytes.count % 4 == 0 else {
                return nil
            }
            return stride(from: 0, to: bytes.count, by: 4).map { start in
                var bits: UInt32 = 0
                for k in 0..<4 { bits |= UInt32(bytes[start + k]) << UInt32(8 * k) }
                return Float(bitPattern: bits)
            }
        case .float16:
            guard let bytes = json.text.flatMap(Base64.bytes), bytes.count % 2 == 0 else {
                return nil
            }
            return stride(from: 0, to: bytes.count, by: 2).map { start in
                Float(Float16(bitPattern: UInt16(bytes[start]) | UInt16(bytes[start + 1]) << 8))
            }
        }
    }
}
