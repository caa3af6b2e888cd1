import ControlProtocol
import EventLog
import Pipeline

extension StatusReply {
    /// Everything but what the daemon knows about itself.
    init(_ report: StatusReport) {
        self.init()
        state = report.state
        applied = Place(report.applied)
        committed = Place(report.committed)
        counters = report.counters.members
        lagBytes = report.lagBytes
        lagEvents = report.lagEvents
        lagSeconds = report.lagSeconds
        etaSeconds = report.etaSeconds
        recordsPerSecond = report.recordsPerSecond
        logClock = report.logClock
        users = report.users
        residentUsers = report.residentUsers
        rows = report.rows
        encoderSteps = report.encoderSteps
        generation = report.generation
        space = report.space
        trained = report.trained
        currentSnapshot = report.currentSnapshot
        hold = report.hold
        quarantine = QuarantineFill(report.quarantine)
        memory = report.parts.map {
            MemoryPart(name: $0.name, bytes: $0.byteCount, bytesPerUser: $0.bytesPerUser)
        }
        generations = report.generations.map(StandingReply.init)
        refresh = report.refresh.map(RefreshReply.init)
        notices = report.notices
        degraded = report.degraded
    }
}

extension StatusReply.Place {
    init(_ cursor: Cursor) {
        self.init(
            segment: cursor.segment, framePosition: cursor.framePosition,
            decodedOffset: cursor.decodedOffset, offset: cursor.recordCount)
    }
}

extension RecordCounters {
    /// In the order of invariant 7.
    var members: [JSONValue.Member] {
        [
            .init("read", .int(read)), .init("applied", .int(applied)), .init("late", .int(late)),
            .init("duplicate", .int(duplicate)), .init("suppressed", .int(suppressed)),
            .init("quarantined", .int(quarantined)), .init("pending", .int(pending)),
            .init("held", .int(held)), .init("catalogue", .int(catalogue)),
            .init("blank", .int(blank)), .init("unknown_fields", .int(unknownFields)),
        ]
    }
}
