import ControlProtocol
import EventLog
import Pipeline

extension MethodTable {
    func listQuarantine(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try QuarantineListParameters(params)
        var query = QuarantineQuery(
            segment: parameters.segment, code: parameters.reason, limit: Int(parameters.limit))
        if let after = parameters.after { query.after = try place(after, "after") }
        let ready = query
        let page = try await ask { service throws(PipelineError) in
            try await service.quarantine(ready)
        }
        return .object([
            .init(
                "entries",
                .array(page.items.map { QuarantineEntryReply($0, withBytes: false).json })),
            .init("next", .optional(page.next?.description)),
            .init("quarantine", QuarantineFill(page.condition).json),
        ])
    }

    func showQuarantined(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let place = try place(QuarantineShowParameters(params).key, "key")
        let item = try await ask { service throws(PipelineError) in
            try await service.quarantined(place)
        }
        return QuarantineEntryReply(item, withBytes: true).json
    }

    func replayQuarantined(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try QuarantineReplayParameters(params)
        var places: [RecordPlace] = []
        for key in parameters.keys { places.append(try place(key, "keys")) }
        let (ready, dryRun) = (places, parameters.guards.isDryRun)
        _ = try await check(parameters.guards)
        let outcomes = try await ask { service throws(PipelineError) in
            try await service.replay(ready, dryRun: dryRun)
        }
        let refused = outcomes.count { $0.refusal != nil }
        return [
            "dry_run": .bool(dryRun), "taken": .int(Int64(outcomes.count - refused)),
            "refused": .int(Int64(refused)),
            "entries": .array(
                outcomes.map {
                    ReplayReply(
                        key: $0.place.description, code: $0.refusal?.code,
                        reason: $0.refusal?.reason
                    ).json
                }),
        ]
    }

    private func place(_ key: String, _ name: String) throws(ControlError) -> RecordPlace {
        guard let place = RecordPlace(key) else {
            throw ControlError(
                .invalidParams, "`\(name)` has \"\(key.prefix(60))\"",
                hint: "send keys as `quarantine.list` answers them, such as \"17/4711\"")
        }
        return place
    }
}

extension QuarantineEntryReply {
    init(_ item: QuarantineItem, withBytes: Bool) {
        let entry = item.entry
        self.init(
            key: entry.key.description, segment: entry.key.segment, record: entry.key.recordIndex,
            position: entry.position, byteCount: entry.byteCount, refusedSeconds: entry.seconds,
            code: entry.reasonCode, reason: entry.reason,
            keptByteCount: Int64(entry.bytes.count), isReplayed: item.isReplayed,
            bytes: withBytes ? entry.bytes : nil)
    }
}

extension QuarantineFill {
    init(_ condition: QuarantineCondition) {
        self.init()
        entries = condition.entryCount
        bytes = condition.byteCount
        dropped = condition.droppedCount
    }
}
