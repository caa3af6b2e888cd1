import EventLog
import Foundation
import GRDB

/// What changes states and is not in the log, with the place in the log where it takes effect.
///
/// DESIGN §1, invariant 3; docs/decisions/0007-inputs.md. An input is durable before it is applied,
/// and every fold of the log applies it when it stands at `place`, before the record there.
package struct LogInput: Sendable, Equatable {
    /// What it does; the raw value is stored and never changes its meaning.
    package enum Kind: String, Sendable {
        /// Gives a record that was set aside to the fold again; `subject` is its place.
        case replay
        /// Forgets the user whom `subject` begins with, who stays away from then on.
        case forget
        /// Forgets what was before; later events of the user count again.
        case forgetPast = "forget-past"
    }

    /// Ascending in the order in which inputs were accepted, which is that of their places.
    package var id: Int64
    /// Where in the log it takes effect.
    package var place: RecordPlace
    package var kind: Kind
    /// What it is about, if that may happen only once: no two inputs of a kind share it.
    package var subject: String?

    /// Describes an input.
    package init(id: Int64, place: RecordPlace, kind: Kind, subject: String?) {
        self.id = id
        self.place = place
        self.kind = kind
        self.subject = subject
    }
}

extension Registry {
    /// Inputs that are kept at most.
    package static let inputLimit = 1_000_000

    /// Notes inputs of one kind at one place durably, all or none, and numbers them.
    ///
    /// `floor` is the highest id any state has applied: a registry that was lost must not give an
    /// id twice. Throws `inputsFull`, or `registry`: also when a subject is known already.
    package func addInputs(
        _ kind: LogInput.Kind, at place: RecordPlace, seconds: Int64, above floor: Int64,
        _ contents: [(subject: String?, payload: [UInt8])]
    ) throws(SnapshotError) -> [LogInput] {
        let made = try writeEffectIfAny { database -> [LogInput]? in
            let count = try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM inputs") ?? 0
            guard count + contents.count <= Self.inputLimit else { return nil }
            let last = try Int64.fetchOne(database, sql: "SELECT MAX(id) FROM inputs") ?? 0
            var inputs: [LogInput] = []
            for (subject, payload) in contents {
                let id = max(last, floor) + Int64(inputs.count) + 1
                try database.execute(
                    sql: """
                        INSERT INTO inputs (id, segment, record, kind, subject, payload, seconds)
                        VALUES (?, ?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        id, place.segment, place.recordIndex, kind.rawValue, subject,
                        Data(payload), seconds,
                    ])
                inputs.append(LogInput(id: id, place: place, kind: kind, subject: subject))
            }
            return inputs
        }
        guard let made else { throw .inputsFull(path: path, limit: Self.inputLimit) }
        return made
    }

    /// The inputs with an id above `id`, ascending by id.
    package func inputs(after id: Int64) throws(SnapshotError) -> [LogInput] {
        try inputs(after: id, onlyForgets: false)
    }

    /// The same, or those alone that forget a user.
    func inputs(after id: Int64, onlyForgets: Bool) throws(SnapshotError) -> [LogInput] {
        let (bound, forgetBound) = (inputBound, forgetBound)
        let found = try read { database -> [LogInput?] in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT id, segment, record, kind, subject FROM inputs
                    WHERE id > ?
                      AND (id <= ? OR kind IN ('forget', 'forget-past') AND id <= ?)
                      AND (kind IN ('forget', 'forget-past') OR NOT ?)
                    ORDER BY id
                    """,
                arguments: [id, bound, forgetBound, onlyForgets]
            ).map { row in
                LogInput.Kind(rawValue: row["kind"]).map { kind in
                    LogInput(
                        id: row["id"],
                        place: RecordPlace(segment: row["segment"], recordIndex: row["record"]),
                        kind: kind, subject: row["subject"])
                }
            }
        }
        let inputs = found.compactMap { $0 }
        guard inputs.count == found.count else {
            throw .registry(
                path: path, reason: "it holds an input of a kind this version does not know")
        }
        return inputs
    }

    /// What an input brought; nil when there is no such input.
    package func inputPayload(_ id: Int64) throws(SnapshotError) -> [UInt8]? {
        try read { database in
            try Data.fetchOne(
                database, sql: "SELECT payload FROM inputs WHERE id = ?", arguments: [id]
            ).map { Array($0) }
        }
    }

    /// Those of `subjects` that an input of this kind is about.
    package func knownSubjects(
        _ kind: LogInput.Kind, among subjects: [String]
    ) throws(SnapshotError) -> Set<String> {
        try read { database in
            let statement = try database.cachedStatement(
                sql: "SELECT 1 FROM inputs WHERE kind = ? AND subject = ?")
            return try Set(
                subjects.filter {
                    try Int.fetchOne(statement, arguments: [kind.rawValue, $0]) != nil
                })
        }
    }
}
