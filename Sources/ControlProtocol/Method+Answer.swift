extension Method {
    /// A kind of value that an answer's member has.
    private enum Shape: String {
        case text = "a string"
        case integer = "an integer"
        case boolean = "a boolean"
        case array = "an array"
        case object = "an object"
        case maybe = "there"

        func takes(_ value: JSONValue) -> Bool {
            switch self {
            case .text: value.text != nil
            case .integer: value.integer != nil
            case .boolean: value.boolean != nil
            case .array: value.elements != nil
            case .object: if case .object = value { true } else { false }
            case .maybe: true
            }
        }
    }

    /// Why a result is no answer to this method.
    ///
    /// Looks for what every answer to it had since the first version, also that of a dry run: a
    /// reader that takes zero for all that is missing would show an empty object as a daemon that
    /// has caught up. Members that came later may be missing, and others may be there.
    ///
    /// - Parameter result: the `result` of a reply.
    /// - Returns: nil when it can be one.
    package func flaw(in result: JSONValue) -> String? {
        guard case .object = result else { return "its result is \(result.kind), not an object" }
        for (name, shape) in wanted {
            guard let value = result[name] else { return "`\(name)` is missing in its result" }
            guard shape.takes(value) else {
                return "`\(name)` is \(value.kind), not \(shape.rawValue)"
            }
        }
        return nil
    }

    private var wanted: [(name: String, shape: Shape)] {
        switch self {
        case .status:
            [("state", .text), ("counters", .object), ("lag", .object), ("daemon", .object)]
        case .metrics: [("text", .text)]
        case .version: [("version", .text)]
        case .profileGet: [("user", .text), ("known", .boolean)]
        case .profileBatch: [("profiles", .array)]
        case .profilePredict: [("predictions", .array)]
        case .profileExplain: [("user", .text), ("sessions", .array)]
        case .profileHistory: [("user", .text), ("snapshots", .array)]
        case .profileWatch: [("revision", .text), ("changes", .array)]
        case .snapshotCreate: [("users", .integer)]
        case .snapshotList: [("snapshots", .array)]
        case .snapshotShow, .snapshotVerify: [("version", .integer), ("path", .text)]
        case .snapshotRollback, .snapshotRelease: [("current", .maybe), ("hold", .maybe)]
        case .snapshotPin, .snapshotUnpin: [("version", .integer), ("changed", .boolean)]
        case .snapshotPrune: [("removed", .array), ("kept", .array)]
        case .snapshotDiff: [("users", .object), ("comparable", .boolean)]
        case .generationList: [("generations", .array)]
        case .generationShow, .generationActivate: [("generation", .integer)]
        case .spaceList: [("spaces", .array)]
        case .refreshStatus: [("refresh", .maybe)]
        case .refreshCancel: [("cancelled", .boolean)]
        case .quarantineList: [("entries", .array), ("quarantine", .object)]
        case .quarantineShow: [("key", .text)]
        case .quarantineReplay: [("entries", .array)]
        case .userForget: [("user", .text)]
        case .userExport: [("known", .boolean)]
        case .userSuppressions: [("suppressions", .array)]
        case .checkpoint: [("committed", .object)]
        case .reload: [("changes", .array)]
        case .logLevel: [("level", .text)]
        case .auditList: [("entries", .array)]
        case .auditVerify: [("whole", .boolean), ("entries", .integer)]
        case .drain: [("drained", .boolean)]
        case .finetuneStart, .finetuneStatus, .headsList, .headsRollback, .factorsList,
            .factorsRollback:
            []
        }
    }
}
