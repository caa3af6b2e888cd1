/// What `status` answers.
///
/// Scripts may rely on the names of `counters`, `lag`, `generation` and `degraded`.
package struct StatusReply: Sendable, Equatable {
    /// A place in the log.
    package struct Place: Sendable, Equatable {
        package var segment: Int64
        package var framePosition: Int64
        package var decodedOffset: Int64
        /// Records before it.
        package var offset: Int64

        package init(segment: Int64, framePosition: Int64, decodedOffset: Int64, offset: Int64) {
            self.segment = segment
            self.framePosition = framePosition
            self.decodedOffset = decodedOffset
            self.offset = offset
        }

        /// As an object.
        package var json: JSONValue {
            [
                "segment": .int(segment), "frame_position": .int(framePosition),
                "decoded_offset": .int(decodedOffset), "offset": .int(offset),
            ]
        }

        /// Reads a reply; what is missing is zero.
        package init(json: JSONValue) {
            segment = json["segment"]?.integer ?? 0
            framePosition = json["frame_position"]?.integer ?? 0
            decodedOffset = json["decoded_offset"]?.integer ?? 0
            offset = json["offset"]?.integer ?? 0
        }
    }

    /// Bytes of one part of the state.
    package struct MemoryPart: Sendable, Equatable {
        package var name: String
        package var bytes: Int64
        package var bytesPerUser: Double

        package init(name: String, bytes: Int64, bytesPerUser: Double) {
            self.name = name
            self.bytes = bytes
            self.bytesPerUser = bytesPerUser
        }
    }

    package var version = ""
    package var processID: Int64 = 0
    package var uptimeSeconds: Double = 0
    package var connections: Int64 = 0
    package var state = ""
    package var applied = Place(segment: 0, framePosition: 0, decodedOffset: 0, offset: 0)
    package var committed = Place(segment: 0, framePosition: 0, decodedOffset: 0, offset: 0)
    /// In the order of invariant 7: read, its eight summands, then what is beside them.
    package var counters: [JSONValue.Member] = []
    package var lagBytes: Int64 = 0
    package var lagEvents: Int64 = 0
    package var lagSeconds: Int64 = 0
    package var etaSeconds: Double?
    package var recordsPerSecond: Double = 0
    package var logClock: Int64?
    package var users: Int64 = 0
    package var residentUsers: Int64 = 0
    package var rows: Int64 = 0
    package var encoderSteps: Int64 = 0
    package var generation: Int64 = 0
    package var space: Int64 = 0
    package var trained = false
    package var currentSnapshot: Int64?
    package var hold: String?
    package var quarantine = QuarantineFill()
    package var memory: [MemoryPart] = []
    /// All generations that run, the active one first.
    package var generations: [StandingReply] = []
    /// How the batch refresh stands; nil when there is none to speak of.
    package var refresh: RefreshReply?
    /// What happened to generations, oldest first.
    package var notices: [String] = []
    package var degraded: [String] = []

    package init() {}

    /// As an object.
    package var json: JSONValue {
        [
            "state": .string(state),
            "generation": .int(generation), "space": .int(space), "trained": .bool(trained),
            "counters": .object(counters),
            "lag": [
                "bytes": .int(lagBytes), "events": .int(lagEvents), "seconds": .int(lagSeconds),
            ],
            "eta_seconds": .optional(etaSeconds),
            "records_per_second": .double(recordsPerSecond),
            "log_clock": .optional(logClock),
            "applied": applied.json, "committed": committed.json,
            "users": .int(users), "resident_users": .int(residentUsers), "rows": .int(rows),
            "encoder_steps": .int(encoderSteps),
            "snapshot": ["current": .optional(currentSnapshot), "hold": .optional(hold)],
            "quarantine": quarantine.json,
            "memory": .array(
                memory.map {
                    [
                        "name": .string($0.name), "bytes": .int($0.bytes),
                        "bytes_per_user": .double($0.bytesPerUser),
                    ]
                }),
            "degraded": .array(degraded.map(JSONValue.string)),
            "generations": .array(generations.map(\.json)),
            "refresh": refresh?.json ?? .null,
            "notices": .array(notices.map(JSONValue.string)),
            "daemon": [
                "version": .string(version), "pid": .int(processID),
                "uptime_seconds": .double(uptimeSeconds), "connections": .int(connections),
            ],
        ]
    }

    /// Reads a reply; what is missing is zero.
    package init(json: JSONValue) {
        state = json["state"]?.text ?? "unknown"
        generation = json["generation"]?.integer ?? 0
        space = json["space"]?.integer ?? 0
        trained = json["trained"]?.boolean ?? false
        if case .object(let members) = json["counters"] { counters = members }
        lagBytes = json["lag"]?["bytes"]?.integer ?? 0
        lagEvents = json["lag"]?["events"]?.integer ?? 0
        lagSeconds = json["lag"]?["seconds"]?.integer ?? 0
        etaSeconds = json["eta_seconds"]?.number
        recordsPerSecond = json["records_per_second"]?.number ?? 0
        logClock = json["log_clock"]?.integer
        applied = Place(json: json["applied"] ?? .null)
        committed = Place(json: json["committed"] ?? .null)
        users = json["users"]?.integer ?? 0
        residentUsers = json["resident_users"]?.integer ?? 0
        rows = json["rows"]?.integer ?? 0
        encoderSteps = json["encoder_steps"]?.integer ?? 0
        currentSnapshot = json["snapshot"]?["current"]?.integer
        hold = json["snapshot"]?["hold"]?.text
        quarantine = QuarantineFill(json: json["quarantine"] ?? .null)
        memory = (json["memory"]?.elements ?? []).map {
            MemoryPart(
                name: $0["name"]?.text ?? "", bytes: $0["bytes"]?.integer ?? 0,
                bytesPerUser: $0["bytes_per_user"]?.number ?? 0)
        }
        generations = (json["generations"]?.elements ?? []).map(StandingReply.init)
        if let member = json["refresh"], member != .null { refresh = RefreshReply(json: member) }
        notices = (json["notices"]?.elements ?? []).compactMap(\.text)
        degraded = (json["degraded"]?.elements ?? []).compactMap(\.text)
        version = json["daemon"]?["version"]?.text ?? ""
        processID = json["daemon"]?["pid"]?.integer ?? 0
        uptimeSeconds = json["daemon"]?["uptime_seconds"]?.number ?? 0
        connections = json["daemon"]?["connections"]?.integer ?? 0
    }
}
