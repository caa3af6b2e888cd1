import EventLog
import GRDB

/// When a generation took over, and where in the log.
package struct Activation: Sendable, Equatable {
    package let generation: Int64
    /// Offset of the first record that the generation folded live.
    package let offset: LogOffset
    /// Seconds since 1970, wall clock.
    package let activatedSeconds: Int64
    /// The place of that record; nil for one noted by an older version, or made at a start.
    package var place: RecordPlace?
    /// Generations up to this id are not activated by themselves; 0 when it says nothing of it.
    package var passedOver: Int64 = 0

    /// Describes an activation.
    package init(
        generation: Int64, offset: LogOffset, activatedSeconds: Int64, place: RecordPlace? = nil,
        passedOver: Int64 = 0
    ) {
        self.generation = generation
        self.offset = offset
        self.activatedSeconds = activatedSeconds
        self.place = place
        self.passedOver = passedOver
    }
}

/// What the registry knows of one generation.
package struct GenerationRecord: Sendable, Equatable {
    package let id: Int64
    package let space: Int64
    package let trained: Bool
    package let manifestSHA256: String
    /// Log offset at which the daemon adopted it.
    package let adoptedOffset: LogOffset
    /// Seconds since 1970, wall clock.
    package let adoptedSeconds: Int64
}

extension Registry {
    /// Registers a verified generation and its space; one that is known stays as it is.
    ///
    /// - Throws: `damaged` when the same id was adopted with another content.
    package func adopt(
        _ generation: PublishedGeneration, offset: LogOffset, seconds: Int64
    ) throws(SnapshotError) {
        let space = generation.space
        let known = try write { database -> [String?] in
            try database.execute(
                sql: "INSERT OR IGNORE INTO spaces VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    space.manifest.id, space.path, space.manifest.trained, space.manifestSHA256,
                    seconds,
                ])
            try database.execute(
                sql: "INSERT OR IGNORE INTO generations VALUES (?, ?, ?, ?, ?, ?, ?)",
                arguments: [
                    generation.manifest.id, generation.manifest.space, generation.path,
                    generation.manifest.trained, generation.manifestSHA256, offset, seconds,
                ])
            return [
                try String.fetchOne(
                    database, sql: "SELECT manifest_sha256 FROM spaces WHERE id = ?",
                    arguments: [space.manifest.id]),
                try String.fetchOne(
                    database, sql: "SELECT manifest_sha256 FROM generations WHERE id = ?",
                    arguments: [generation.manifest.id]),
            ]
        }
        for (path, found, expected) in [
            (space.path, known[0], space.manifestSHA256),
            (generation.path, known[1], generation.manifestSHA256),
        ] where found != expected {
            throw .damaged(path: path, reason: "not what was adopted under this id")
        }
    }

    /// Generations that were adopted, ascending.
    package func generations() throws(SnapshotError) -> [GenerationRecord] {
        try read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM generations ORDER BY id").map { row in
                GenerationRecord(
                    id: row["id"], space: row["space"], trained: row["trained"],
                    manifestSHA256: row["manifest_sha256"], adoptedOffset: row["adopted_offset"],
                    adoptedSeconds: row["adopted_seconds"])
            }
        }
    }

    /// Notes that `generation` took over at `offset`; the same again changes nothing.
    package func noteActivation(
        generation: Int64, offset: LogOffset, seconds: Int64, place: RecordPlace? = nil,
        passedOver: Int64 = 0
    ) throws(SnapshotError) {
        if let last = try activations().last, last.generation == generation, last.offset == offset {
            return
        }
        try write { database in
            try database.execute(
                sql: """
                    INSERT INTO activations
                      (generation, log_offset, activated_seconds, segment, record, passed_over)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    generation, offset, seconds, place?.segment, place?.recordIndex, passedOver,
                ])
        }
    }

    /// Activations in the order in which they happened.
    package func activations() throws(SnapshotError) -> [Activation] {
        try read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM activations ORDER BY id").map { row in
                let segment: Int64? = row["segment"]
                let record: Int64? = row["record"]
                var place: RecordPlace?
                if let segment, let record {
                    place = RecordPlace(segment: segment, recordIndex: record)
                }
                return Activation(
                    generation: row["generation"], offset: row["log_offset"],
                    activatedSeconds: row["activated_seconds"], place: place,
                    passedOver: row["passed_over"])
            }
        }
    }
}
