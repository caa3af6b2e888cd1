import EventLog
import Events
import Features
import Foundation
import Sessions
import Storage

/// What a commit says of everything but the users.
struct RecoveredState {
    var cursor: Cursor
    var intake: Intake
    var userCount: Int64
    var rowCount: Int64
    /// The highest input that was applied; 0 before the first.
    var appliedInput: Int64
    /// The highest input that forgets a user and that the state has been stripped for.
    var knownForget: Int64
    var segmentStart: SegmentStart
    var refusedRecords: RefusedRecords

    init(of profiler: isolated Profiler) {
        cursor = profiler.applied
        intake = profiler.intake
        userCount = profiler.userCount
        rowCount = profiler.rowCount
        appliedInput = profiler.appliedInput
        knownForget = profiler.forgotten.lastInput
        segmentStart = profiler.segmentStart
        refusedRecords = profiler.refusedRecords
    }

    init(
        _ store: StateStore, options: PipelineOptions, generation: LiveGeneration
    ) throws(PipelineError) {
        guard let stored = try store.loadMeta() else {
            cursor = .start
            intake = Intake(options: options.clock)
            userCount = 0
            rowCount = 0
            appliedInput = 0
            knownForget = 0
            segmentStart = SegmentStart(segment: -1, offset: 0)
            refusedRecords = RefusedRecords(limit: options.quarantineCount)
            return
        }
        do {
            let decoder = JSONDecoder()
            func value<Value: Decodable>(_ type: Value.Type, _ key: String) throws -> Value {
                try decoder.decode(type, from: Data(stored.values[key] ?? []))
            }
            let made = try value(Int64.self, "generation")
            guard made == generation.id else {
                throw PipelineError.state("it was made by generation \(made)")
            }
            cursor = try value(Cursor.self, "cursor")
            userCount = try value(Int64.self, "users")
            rowCount = try value(Int64.self, "rows")
            appliedInput = try value(Int64.self, "input")
            // Not there before the first user was forgotten.
            knownForget = stored.values["forget"] == nil ? 0 : try value(Int64.self, "forget")
            segmentStart = try value(SegmentStart.self, "segment")
            refusedRecords = RefusedRecords(
                limit: options.quarantineCount, total: try value(Int64.self, "refused"),
                stored: stored.refused)
            let held = try stored.held.map { bytes in
                var input = ByteReader(bytes)
                return try StateCodec.pendingEvent(&input)
            }
            let clock = try value([[Int64]].self, "clock").map { pair in
                LogClock.Entry(user: UserID(rawValue: pair[0]), seconds: pair[1])
            }
            intake = Intake(
                options: options.clock, catalogue: Catalogue(stored.catalogue),
                clock: LogClock(userCount: options.clock.users, entries: clock),
                held: HeldEvents(events: held),
                counters: try value(RecordCounters.self, "counters"))
        } catch {
            throw .damagedState(path: store.path, reason: "\(error)")
        }
    }

    /// The parts that are values, to be stored; equal states give equal bytes.
    func meta(generation: Int64) -> [String: [UInt8]] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        func bytes(_ value: some Encodable) -> [UInt8] {
            // Numbers, strings and arrays of them always encode.
            (try? encoder.encode(value)).map { Array($0) } ?? []
        }
        var meta = [
            "cursor": bytes(cursor), "counters": bytes(intake.counters), "rows": bytes(rowCount),
            "users": bytes(userCount), "generation": bytes(generation),
            "clock": bytes(intake.clock.entries.map { [$0.user.rawValue, $0.seconds] }),
            "input": bytes(appliedInput), "segment": bytes(segmentStart),
            "refused": bytes(refusedRecords.total),
        ]
        if knownForget > 0 { meta["forget"] = bytes(knownForget) }
        return meta
    }
}

/// Where the records of the segment being folded begin.
struct SegmentStart: Sendable, Equatable, Codable {
    /// -1 before the first record.
    var segment: Int64
    /// Offset of the segment's first record.
    var offset: LogOffset
}
