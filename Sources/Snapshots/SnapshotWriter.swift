import Events
import Storage

/// Writes one snapshot, row after row; `SnapshotStore.begin` makes one.
///
/// Nothing is visible before `finish`. A writer that is dropped without it leaves a directory that
/// the next start removes; `cancel` removes it at once.
package final class SnapshotWriter {
    /// The version that `finish` publishes.
    package let version: Int64
    /// Columns of a row.
    package let width: Int
    /// Rows so far.
    package private(set) var userCount: Int64 = 0

    private let store: SnapshotStore
    private let plan: SnapshotPlan
    private let parent: Int64?
    private let directory: String
    private var users: NpyBody
    private var embeddings: NpyBody
    private var previous: UserID?
    private var isOver = false

    init(
        store: SnapshotStore, plan: SnapshotPlan, version: Int64, parent: Int64?, width: Int
    ) throws(SnapshotError) {
        self.store = store
        self.plan = plan
        self.version = version
        self.parent = parent
        self.width = width
        let disk = store.host.disk
        let directory = AtomicFile.temporaryName(
            for: store.path(of: version), store.host.randomness)
        self.directory = directory
        try onDisk { () throws(StorageError) in try disk.makeDirectory(directory) }
        users = try NpyBody(directory + "/" + SnapshotFiles.users, on: disk)
        embeddings = try NpyBody(directory + "/" + SnapshotFiles.embeddings, on: disk)
    }

    /// Adds a row of float16 bit patterns, `[width]`.
    ///
    /// - Throws: `notAscending`, `notFinite`, `wrongWidth`, or what the disk throws; the snapshot
    ///   cannot be finished then.
    package func append(_ user: UserID, halves: Span<UInt16>) throws(SnapshotError) {
        precondition(!isOver, "a snapshot that was finished or cancelled takes no rows")
        if let previous, user <= previous { throw .notAscending(user: user, previous: previous) }
        if halves.count != width {
            throw .wrongWidth(user: user, expected: width, found: halves.count)
        }
        try checkFinite(halves, of: user)
        previous = user
        userCount += 1
        try users.append(UInt64(bitPattern: user.rawValue))
        try embeddings.append(halves)
    }

    /// Adds a row of numbers, `[width]`, each rounded to the nearest float16, ties to even.
    package func append(_ user: UserID, values: Span<Float>) throws(SnapshotError) {
        var halves: [UInt16] = []
        halves.reserveCapacity(values.count)
        for index in values.indices { halves.append(Float16(values[index]).bitPattern) }
        try append(user, halves: halves.span)
    }

    /// Publishes the snapshot: synced, read back cold, renamed, registered; then `current` moves,
    /// unless it is held.
    ///
    /// - Parameter metrics: finite numbers for the manifest.
    /// - Returns: the manifest, as it was written.
    /// - Throws: nothing was published and what was written aside is gone, unless the error came
    ///   after the rename; then the next start adopts the snapshot.
    package func finish(metrics: [String: Double] = [:]) throws(SnapshotError) -> SnapshotManifest {
        precondition(!isOver, "a snapshot is finished once")
        precondition(metrics.values.allSatisfy(\.isFinite), "a metric is not finite")
        defer { end() }
        do throws(SnapshotError) {
            let files = try writeFiles()
            let manifest = manifest(files: files, metrics: metrics)
            let bytes = ManifestCoding.encode(manifest)
            let (disk, directory) = (store.host.disk, directory)
            try onDisk { () throws(StorageError) in
                let file = try disk.open(directory + "/" + SnapshotFiles.manifest, .create)
                try file.write(bytes, at: 0)
                try file.sync()
                try disk.syncDirectory(directory)
            }
            try store.publish(manifest, bytes, from: directory)
            return manifest
        } catch {
            removeDirectory()
            throw error
        }
    }

    /// Gives the snapshot up and removes what was written; after `finish` it does nothing.
    package func cancel() {
        if isOver { return }
        removeDirectory()
        end()
    }

    private func checkFinite(_ halves: Span<UInt16>, of user: UserID) throws(SnapshotError) {
        // The largest magnitude decides, in a loop without a branch, which vectorizes.
        var largest: UInt16 = 0
        for column in halves.indices { largest = max(largest, halves[column] & 0x7FFF) }
        if largest < 0x7C00 { return }
        for column in halves.indices where halves[column] & 0x7C00 == 0x7C00 {
            throw .notFinite(user: user, column: column)
        }
    }

    deinit {
        if !isOver { store.endWriting() }
    }

    private func end() {
        isOver = true
        store.endWriting()
    }

    private func removeDirectory() {
        // Best effort: the next start removes it by its name.
        try? store.host.disk.remove(directory)
    }

    /// Writes the headers, syncs and reads both files back.
    private func writeFiles() throws(SnapshotError) -> [String: FileDigest] {
        guard let rows = Int(exactly: userCount) else { preconditionFailure("\(userCount) rows") }
        let usersDigest = try users.finish(.int64(count: rows), .ascending)
        let embeddingsDigest = try embeddings.finish(
            .float16(rows: rows, columns: width), .finite(width: width))
        return [SnapshotFiles.users: usersDigest, SnapshotFiles.embeddings: embeddingsDigest]
    }

    private func manifest(
        files: [String: FileDigest], metrics: [String: Double]
    ) -> SnapshotManifest {
        SnapshotManifest(
            version: version, parent: parent, space: plan.space, generation: plan.generation,
            trained: plan.trained, heads: plan.heads, factors: plan.factors, parts: plan.parts,
            targets: plan.targets,
            cursor: plan.cursor, asOf: plan.asOf, users: userCount, width: width, files: files,
            population: plan.population, metrics: metrics, revision: 0, erasures: plan.erasures)
    }
}

/// A `.npy` file whose data is written before its header, because the header counts the rows.
private struct NpyBody: ~Copyable {
    private let disk: any Disk
    private let path: String
    private let file: any DiskFile
    private var hash = ContentHash()
    private var buffer: [UInt8] = []
    private var position = Int64(NpyHeader.byteCount)

    init(_ path: String, on disk: any Disk) throws(SnapshotError) {
        self.disk = disk
        self.path = path
        file = try onDisk { () throws(StorageError) in try disk.open(path, .create) }
    }

    mutating func append(_ word: UInt64) throws(SnapshotError) {
        buffer.append(littleEndian: word)
        try flush(above: readByteCount)
    }

    mutating func append(_ halves: Span<UInt16>) throws(SnapshotError) {
        buffer.append(littleEndian: halves)
        try flush(above: readByteCount)
    }

    private mutating func flush(above limit: Int) throws(SnapshotError) {
        if buffer.count <= limit { return }
        var bytes: [UInt8] = []
        swap(&bytes, &buffer)
        hash.update(bytes.span)
        do throws(StorageError) { try file.write(bytes, at: position) } catch {
            throw .storage(error)
        }
        position += Int64(bytes.count)
        bytes.removeAll(keepingCapacity: true)
        swap(&bytes, &buffer)
    }

    /// Writes the header, syncs, and reads the file back: its data must hash as it was given.
    mutating func finish(
        _ header: NpyHeader, _ rule: SnapshotAudit.Rule
    ) throws(SnapshotError) -> FileDigest {
        try flush(above: 0)
        do throws(StorageError) {
            try file.write(header.encoded(), at: 0)
            try file.sync()
        } catch {
            throw .storage(error)
        }
        var written = ContentHash()
        swap(&written, &hash)
        let audit = SnapshotAudit(disk: disk, path: path, header: header, rule: rule)
        let found = try audit.run(hashesBody: true)
        if found.bodySHA256 != written.finishHex() {
            throw .damaged(path: path, reason: "reads back differently from what was written")
        }
        return found.digest
    }
}
