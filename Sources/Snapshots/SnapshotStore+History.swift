import Events
import Profiles
import Storage

extension SnapshotStore {
    /// Snapshots of one history, at most.
    package static let historyLimit = 1000
    /// How often a snapshot is looked at again whose files were exchanged meanwhile.
    private static let attemptLimit = 3

    /// A user in the newest snapshots, each beside the one before it.
    ///
    /// Reads that user's rows alone. Who was forgotten is in no snapshot that an erasure takes the
    /// user out of, whether it has come to it yet or not (docs/forgetting.md).
    ///
    /// - Parameters:
    ///   - user: of any id.
    ///   - limit: snapshots, 1…`historyLimit`.
    ///   - space: takes snapshots of one space only; nil takes all.
    /// - Returns: ascending by version; a damaged snapshot says so in its place.
    /// - Throws: what the registry or the disk throws.
    package func history(
        of user: UserID, limit: Int, space: Int64? = nil
    ) throws(SnapshotError) -> SnapshotHistory {
        let suppressions = try registry.suppressions(of: user)
        let listed = try list().filter { space == nil || $0.manifest.space == space }
        let shown = listed.suffix(max(1, min(limit, Self.historyLimit)))
        var history = SnapshotHistory(entries: [], olderCount: listed.count - shown.count)
        var before: UserLook?
        if let entry = listed.dropLast(shown.count).last {
            before = try look(at: entry, for: user, suppressions)
        }
        for entry in shown {
            // Retention may have been quicker.
            guard let look = try look(at: entry, for: user, suppressions) else { continue }
            history.entries.append(look.entry(after: before))
            before = look
        }
        return history
    }

    /// The user in a snapshot; nil when that is not there any more.
    private func look(
        at entry: Entry, for user: UserID, _ suppressions: [Suppression]
    ) throws(SnapshotError) -> UserLook? {
        var look = UserLook(entry: entry)
        let isForgotten =
            suppressions.max { $0.input < $1.input }.map { !$0.allowsReturn } ?? false
            || suppressions.contains { entry.manifest.cursor.isBefore($0) }
        if isForgotten { return look }
        for _ in 0..<Self.attemptLimit {
            let problem: String
            do throws(SnapshotError) {
                look.halves = try row(of: user, in: entry.manifest.version)
                look.problem = nil
                return look
            } catch .damaged(let path, let reason) {
                problem = "\(path): \(reason)"
            } catch {
                throw error
            }
            // An erasure exchanges the files, retention removes them.
            look.problem = problem
            guard let record = try registry.snapshot(entry.manifest.version),
                record.removedSeconds == nil
            else { return nil }
        }
        return look
    }

    /// The user's row, `[D]` float16 bits; nil when there is none, or the zeros of an unknown user.
    private func row(of user: UserID, in version: Int64) throws(SnapshotError) -> [UInt16]? {
        let manifest = try readManifest(version).manifest
        guard let count = Int(exactly: manifest.users),
            try ProfileLayout.Part.width(of: manifest.parts) == manifest.width
        else {
            throw .damaged(path: path(of: version), reason: "its manifest contradicts itself")
        }
        guard let index = try index(of: user, among: count, in: path(of: version)) else {
            return nil
        }
        let path = path(of: version) + "/" + SnapshotFiles.embeddings
        let halves: [UInt16]
        do throws(StorageError) {
            let reader = try NpyReader(path, on: host.disk)
            guard reader.header == .float16(rows: count, columns: manifest.width) else {
                throw .malformed(path: path, reason: "not of the manifest's shape")
            }
            halves = try reader.halfs(rows: index..<index + 1)
        } catch .malformed(let path, let reason) {
            throw .damaged(path: path, reason: reason)
        } catch .missing(let path) {
            throw .damaged(path: path, reason: "missing")
        } catch {
            throw .storage(error)
        }
        return halves.allSatisfy { $0 & 0x7FFF == 0 } ? nil : halves
    }
}

/// A user in one snapshot.
private struct UserLook {
    let entry: SnapshotStore.Entry
    /// `[D]` float16 bits; nil when the user is not in it.
    var halves: [UInt16]?
    var problem: String?

    init(entry: SnapshotStore.Entry) { self.entry = entry }

    private var manifest: SnapshotManifest { entry.manifest }

    /// What a history says of it, beside the look before.
    func entry(after before: UserLook?) -> SnapshotHistory.Entry {
        var made = SnapshotHistory.Entry(
            version: manifest.version, previous: before?.manifest.version,
            isCurrent: entry.isCurrent, space: manifest.space, generation: manifest.generation,
            trained: manifest.trained, asOf: manifest.asOf, createdSeconds: entry.createdSeconds)
        made.problem = problem
        made.incomparable = incomparable(with: before)
        guard let halves else { return made }
        made.isKnown = true
        made.values = halves.map { Float(Float16(bitPattern: $0)) }
        let old = made.incomparable == nil ? before : nil
        made.parts = manifest.parts.map { part in
            let columns = values(part)
            return .init(
                name: part.name, start: part.start, end: part.end,
                norm: Self.dot(columns, columns).squareRoot(),
                cosine: old.flatMap { $0.cosine(part, columns) })
        }
        return made
    }

    private func incomparable(with before: UserLook?) -> String? {
        if problem != nil { return "it cannot be read" }
        if halves == nil { return "the user is not in it" }
        guard let before else { return "there is none before it" }
        let name = "snapshot \(before.manifest.version)"
        if before.problem != nil { return "\(name) cannot be read" }
        if before.halves == nil { return "the user is not in \(name)" }
        guard before.manifest.space == manifest.space else {
            return "\(name) is of space \(before.manifest.space): its columns mean different things"
        }
        return nil
    }

    /// The cosine of a later snapshot's part to this one's; nil unless it has one of that width.
    private func cosine(_ part: ProfileLayout.Part, _ columns: [Double]) -> Double? {
        guard let own = manifest.parts.first(where: { $0.name == part.name }),
            own.end - own.start == columns.count
        else { return nil }
        let old = values(own)
        let lengths = (Self.dot(old, old), Self.dot(columns, columns))
        if lengths.0 == 0 || lengths.1 == 0 { return lengths.0 == lengths.1 ? 1 : 0 }
        let cosine = Self.dot(old, columns) / (lengths.0.squareRoot() * lengths.1.squareRoot())
        return max(-1, min(1, cosine))
    }

    private func values(_ part: ProfileLayout.Part) -> [Double] {
        (halves ?? [])[part.start..<part.end].map { Double(Float16(bitPattern: $0)) }
    }

    private static func dot(_ left: [Double], _ right: [Double]) -> Double {
        zip(left, right).reduce(0) { $0 + $1.0 * $1.1 }
    }
}
