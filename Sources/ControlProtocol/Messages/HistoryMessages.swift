/// Parameters of `profile.history`.
package struct HistoryParameters: Sendable, Equatable {
    /// Snapshots that are answered, at most, and how many unless the peer says.
    package static let limits: ClosedRange<Int64> = 1...1000
    package static let standardLimit: Int64 = 10

    package var user: UserReference
    /// The newest so many snapshots.
    package var limit: Int64 = Self.standardLimit
    /// Those of one space; nil takes all.
    package var space: Int64?
    /// How vectors travel; nil leaves them out.
    package var encoding: VectorEncoding?

    package init(user: UserReference) { self.user = user }

    /// Reads the parameters.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        user = try parameters.user()
        limit = try parameters.integer("limit", in: Self.limits) ?? Self.standardLimit
        space = try parameters.integer("space", in: 0...Int64.max)
        if let name = try parameters.text("encoding") {
            guard let encoding = VectorEncoding(rawValue: name) else {
                let names = VectorEncoding.allCases.map(\.rawValue).joined(separator: ", ")
                throw .invalid("encoding", "one of \(names)", .string(name))
            }
            self.encoding = encoding
        }
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        var members: [JSONValue.Member] = [.init("user", user.json)]
        if limit != Self.standardLimit { members.append(.init("limit", .int(limit))) }
        if let space { members.append(.init("space", .int(space))) }
        if let encoding { members.append(.init("encoding", .string(encoding.rawValue))) }
        return members
    }
}

/// A user in one snapshot, in a reply of `profile.history`.
package struct HistoryRow: Sendable, Equatable {
    /// Columns `start` to `end`, the end excluded.
    package struct Part: Sendable, Equatable {
        package var name: String
        package var start: Int
        package var end: Int
        /// Length of the columns.
        package var norm: Double
        /// To the same part in the snapshot before, −1…1; nil where it cannot be compared.
        package var cosine: Double?

        package init(name: String, start: Int, end: Int, norm: Double, cosine: Double?) {
            self.name = name
            self.start = start
            self.end = end
            self.norm = norm
            self.cosine = cosine
        }

        fileprivate var json: JSONValue {
            [
                "name": .string(name), "start": .int(Int64(start)), "end": .int(Int64(end)),
                "norm": .double(norm), "cosine": .optional(cosine),
            ]
        }

        fileprivate init(json: JSONValue) {
            name = json["name"]?.text ?? ""
            start = Int(json["start"]?.integer ?? 0)
            end = Int(json["end"]?.integer ?? 0)
            norm = json["norm"]?.number ?? 0
            cosine = json["cosine"]?.number
        }
    }

    package var version: Int64
    /// The one with which it is compared; nil for the first.
    package var previous: Int64?
    package var isCurrent = false
    package var space: Int64 = 0
    package var generation: Int64 = 0
    package var trained = false
    /// Event time it speaks for, seconds since 1970.
    package var asOf: Int64?
    /// Wall clock, seconds since 1970.
    package var created: Int64 = 0
    package var known = false
    /// Why its files cannot be read; nil when they can.
    package var problem: String?
    /// Why no part has a cosine; nil when they may have one.
    package var reason: String?
    package var parts: [Part] = []
    /// As `VectorEncoding` says; null unless it was asked for.
    package var vector = JSONValue.null

    package init(version: Int64) { self.version = version }

    /// As an element of a reply's `snapshots`.
    package var json: JSONValue {
        .object([
            .init("version", .int(version)), .init("previous", .optional(previous)),
            .init("current", .bool(isCurrent)), .init("space", .int(space)),
            .init("generation", .int(generation)), .init("trained", .bool(trained)),
            .init("as_of", .optional(asOf)), .init("created", .int(created)),
            .init("known", .bool(known)), .init("problem", .optional(problem)),
            .init("comparable", .bool(reason == nil)), .init("reason", .optional(reason)),
            .init("parts", .array(parts.map(\.json))), .init("vector", vector),
        ])
    }

    /// Reads an element; what is missing is zero, nil or empty.
    package init(json: JSONValue) {
        version = json["version"]?.integer ?? 0
        previous = json["previous"]?.integer
        isCurrent = json["current"]?.boolean ?? false
        space = json["space"]?.integer ?? 0
        generation = json["generation"]?.integer ?? 0
        trained = json["trained"]?.boolean ?? false
        asOf = json["as_of"]?.integer
        created = json["created"]?.integer ?? 0
        known = json["known"]?.boolean ?? false
        problem = json["problem"]?.text
        reason = json["reason"]?.text
        parts = (json["parts"]?.elements ?? []).map(Part.init)
        vector = json["vector"] ?? .null
    }
}
