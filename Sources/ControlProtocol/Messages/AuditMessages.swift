/// Parameters of `audit.list`.
package struct AuditListParameters: Sendable, Equatable {
    /// Entries of a page, at most, and how many there are unless the peer says.
    package static let limits: ClosedRange<Int64> = 1...1000
    package static let standardLimit: Int64 = 100

    /// Sequence of the entry that the page before ended with; 0 begins.
    package var after: Int64 = 0
    package var limit = AuditListParameters.standardLimit
    /// Only entries of this method.
    package var method: String?

    package init() {}

    /// Reads the parameters.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        after = try parameters.integer("after", in: 0...Int64.max) ?? 0
        limit = try parameters.integer("limit", in: Self.limits) ?? Self.standardLimit
        method = try parameters.text("method", atMost: 128)
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        [.init("after", .int(after)), .init("limit", .int(limit))]
            + (method.map { [.init("method", .string($0))] } ?? [])
    }
}

/// Parameters of `audit.verify`: an end of the chain that the peer remembers, if any.
package struct AuditVerifyParameters: Sendable, Equatable {
    package var sequence: Int64?
    /// 64 hexadecimal digits.
    package var hash: String?

    package init() {}

    /// Reads the parameters; they stand together or not at all.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        sequence = try parameters.integer("sequence", in: 1...Int64.max)
        hash = try parameters.text("hash", atMost: 64)
        if let hash, hash.utf8.count != 64 || !hash.allSatisfy(\.isHexDigit) {
            throw .invalid("hash", "64 hexadecimal digits", .string(hash))
        }
        if sequence == nil, hash != nil {
            throw .missing("sequence", "the sequence of the entry that `hash` is of")
        }
        if hash == nil, sequence != nil {
            throw .missing("hash", "the hash that the entry had, 64 hexadecimal digits")
        }
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        (sequence.map { [.init("sequence", .int($0))] } ?? [])
            + (hash.map { [.init("hash", .string($0))] } ?? [])
    }
}

/// One entry of the audit in a reply.
package struct AuditReply: Sendable, Equatable {
    package var sequence: Int64
    /// Seconds since 1970, wall clock.
    package var seconds: Int64
    package var user: Int64?
    package var group: Int64?
    package var process: Int64?
    package var role: String
    package var method: String
    /// A JSON object, as it was hashed.
    package var parameters: String
    /// `done`, or the stable name of the refusal.
    package var outcome: String
    /// The id the client chose; nil without one.
    package var request: String?
    package var previous: String
    package var hash: String

    package init(
        sequence: Int64, seconds: Int64, user: Int64?, group: Int64?, process: Int64?,
        role: String, method: String, parameters: String, outcome: String, request: String?,
        previous: String, hash: String
    ) {
        self.sequence = sequence
        self.seconds = seconds
        self.user = user
        self.group = group
        self.process = process
        self.role = role
        self.method = method
        self.parameters = parameters
        self.outcome = outcome
        self.request = request
        self.previous = previous
        self.hash = hash
    }

    /// As an object.
    package var json: JSONValue {
        [
            "sequence": .int(sequence), "seconds": .int(seconds), "uid": .optional(user),
            "gid": .optional(group), "pid": .optional(process), "role": .string(role),
            "method": .string(method), "parameters": .string(parameters),
            "outcome": .string(outcome), "id": .optional(request), "previous": .string(previous),
            "hash": .string(hash),
        ]
    }

    /// Reads a reply; what is missing is zero.
    package init(json: JSONValue) {
        self.init(
            sequence: json["sequence"]?.integer ?? 0, seconds: json["seconds"]?.integer ?? 0,
            user: json["uid"]?.integer, group: json["gid"]?.integer, process: json["pid"]?.integer,
            role: json["role"]?.text ?? "", method: json["method"]?.text ?? "",
            parameters: json["parameters"]?.text ?? "", outcome: json["outcome"]?.text ?? "",
            request: json["id"]?.text, previous: json["previous"]?.text ?? "",
            hash: json["hash"]?.text ?? "")
    }
}
