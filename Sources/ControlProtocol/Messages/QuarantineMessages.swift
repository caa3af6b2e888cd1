/// Parameters of `quarantine.list`.
package struct QuarantineListParameters: Sendable, Equatable {
    /// Entries of a page, at most, and how many there are unless the peer says.
    package static let limits: ClosedRange<Int64> = 1...1000
    package static let standardLimit: Int64 = 100

    /// Key of the entry that the page before ended with.
    package var after: String?
    package var segment: Int64?
    /// A reason code, such as `not_json`.
    package var reason: String?
    package var limit = QuarantineListParameters.standardLimit

    package init() {}

    /// Reads the parameters.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        after = try parameters.text("after", atMost: 64)
        segment = try parameters.integer("segment", in: 0...Int64.max)
        reason = try parameters.text("reason", atMost: 64)
        limit = try parameters.integer("limit", in: Self.limits) ?? Self.standardLimit
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        if let after { members.append(.init("after", .string(after))) }
        if let segment { members.append(.init("segment", .int(segment))) }
        if let reason { members.append(.init("reason", .string(reason))) }
        members.append(.init("limit", .int(limit)))
        return members
    }
}

/// Parameters of `quarantine.show`.
package struct QuarantineShowParameters: Sendable, Equatable {
    /// `segment/record`, as `quarantine.list` answers it.
    package var key: String

    package init(key: String) { self.key = key }

    /// Reads the parameters.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        guard let key = try parameters.text("key", atMost: 64) else {
            throw .missing("key", "an entry's key; `quarantine.list` has them")
        }
        self.key = key
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] { [.init("key", .string(key))] }
}

/// Parameters of `quarantine.replay`.
package struct QuarantineReplayParameters: Sendable, Equatable {
    /// Entries of one request, at most.
    package static let keyLimit = 1000

    package var keys: [String]
    package var guards = MutationGuards()

    package init(keys: [String]) { self.keys = keys }

    /// Reads the parameters.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        guard let elements = try parameters.elements("keys"), !elements.isEmpty else {
            throw .missing("keys", "1…\(Self.keyLimit) keys; `quarantine.list` has them")
        }
        guard elements.count <= Self.keyLimit else {
            throw ControlError(
                .tooLarge, "\(elements.count) keys, the limit is \(Self.keyLimit)",
                hint: "replay them in batches")
        }
        keys = []
        for element in elements {
            guard let key = element.text else {
                throw .invalid("keys", "a string such as \"17/4711\" for each", element)
            }
            keys.append(key)
        }
        guards = try MutationGuards(&parameters)
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        [.init("keys", .array(keys.map(JSONValue.string)))] + guards.members
    }
}

/// One quarantined record in a reply.
package struct QuarantineEntryReply: Sendable, Equatable {
    /// `segment/record`: the record's number in its segment, from 0.
    package var key: String
    package var segment: Int64
    package var record: Int64
    /// Byte range of the segment: of the damage, or of the record and the frame it ends in.
    package var position: Int64
    package var byteCount: Int64
    /// When it was refused, seconds since 1970, wall clock.
    package var refusedSeconds: Int64
    package var code: String
    package var reason: String
    /// Bytes that are kept of it.
    package var keptByteCount: Int64
    package var isReplayed: Bool
    /// The bytes themselves, for `quarantine.show` alone.
    package var bytes: [UInt8]?

    package init(
        key: String, segment: Int64, record: Int64, position: Int64, byteCount: Int64,
        refusedSeconds: Int64, code: String, reason: String, keptByteCount: Int64,
        isReplayed: Bool, bytes: [UInt8]?
    ) {
        self.key = key
        self.segment = segment
        self.record = record
        self.position = position
        self.byteCount = byteCount
        self.refusedSeconds = refusedSeconds
        self.code = code
        self.reason = reason
        self.keptByteCount = keptByteCount
        self.isReplayed = isReplayed
        self.bytes = bytes
    }

    /// As an object; `text` is null when the bytes are no UTF-8.
    package var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("key", .string(key)), .init("segment", .int(segment)),
            .init("record", .int(record)), .init("position", .int(position)),
            .init("bytes", .int(byteCount)), .init("refused", .int(refusedSeconds)),
            .init("reason_code", .string(code)), .init("reason", .string(reason)),
            .init("kept_bytes", .int(keptByteCount)), .init("replayed", .bool(isReplayed)),
        ]
        if let bytes {
            members.append(.init("text", .optional(String(validating: bytes, as: UTF8.self))))
            members.append(.init("base64", .string(Base64.text(of: bytes))))
        }
        return .object(members)
    }

    /// Reads a reply; what is missing is zero.
    package init(json: JSONValue) {
        key = json["key"]?.text ?? ""
        segment = json["segment"]?.integer ?? 0
        record = json["record"]?.integer ?? 0
        position = json["position"]?.integer ?? 0
        byteCount = json["bytes"]?.integer ?? 0
        refusedSeconds = json["refused"]?.integer ?? 0
        code = json["reason_code"]?.text ?? ""
        reason = json["reason"]?.text ?? ""
        keptByteCount = json["kept_bytes"]?.integer ?? 0
        isReplayed = json["replayed"]?.boolean ?? false
        bytes = json["base64"]?.text.flatMap(Base64.bytes)
    }
}

/// How full the quarantine is, in replies.
package struct QuarantineFill: Sendable, Equatable {
    package var entries: Int64 = 0
    package var bytes: Int64 = 0
    /// Entries that left for space or age.
    package var dropped: Int64 = 0

    package init() {}

    /// As an object.
    package var json: JSONValue {
        ["entries": .int(entries), "bytes": .int(bytes), "dropped": .int(dropped)]
    }

    /// Reads a reply; what is missing is zero.
    package init(json: JSONValue) {
        entries = json["entries"]?.integer ?? 0
        bytes = json["bytes"]?.integer ?? 0
        dropped = json["dropped"]?.integer ?? 0
    }
}

/// What became, or would become, of one record that was to be replayed.
package struct ReplayReply: Sendable, Equatable {
    package var key: String
    /// Why it stays; nil when it was taken.
    package var code: String?
    package var reason: String?

    package init(key: String, code: String?, reason: String?) {
        self.key = key
        self.code = code
        self.reason = reason
    }

    /// As an object.
    package var json: JSONValue {
        [
            "key": .string(key), "taken": .bool(code == nil), "reason_code": .optional(code),
            "reason": .optional(reason),
        ]
    }

    /// Reads a reply.
    package init(json: JSONValue) {
        key = json["key"]?.text ?? ""
        code = json["reason_code"]?.text
        reason = json["reason"]?.text
    }
}
