import Profiles
import Storage
import Synchronization

/// The published snapshots of a state directory: `<state_dir>/snapshots/<version>/` and `current`.
///
/// `current` is a function of the registry and of what verifies: the held version while a hold
/// stands, else the newest good one. Every verb ends there and a start repairs it. Readers need no
/// lock: a version never changes in place, and removal renames a directory away first.
package final class SnapshotStore: Sendable {
    /// `<state_dir>/snapshots`.
    package let directory: String
    package let registry: Registry
    let host: Host
    /// The version being written; one at a time.
    private let writing = Mutex<Int64?>(nil)
    /// Held while registry, hold and `current` change together.
    private let moving = Mutex<Void>(())

    /// The snapshots of `stateDirectory`; call `recover` before anything else.
    package init(stateDirectory: String, registry: Registry, on host: Host) {
        directory = stateDirectory + "/snapshots"
        self.registry = registry
        self.host = host
    }

    /// One snapshot as `snapshot list` and `snapshot show` report it.
    package struct Entry: Sendable, Equatable {
        package let manifest: SnapshotManifest
        package let path: String
        package let isCurrent: Bool
        /// Seconds since 1970, wall clock.
        package let createdSeconds: Int64
        /// Why retention passes it over; nil when it is not pinned.
        package let pin: SnapshotPin?
    }

    /// Path of a version's directory.
    package func path(of version: Int64) -> String { "\(directory)/\(version)" }

    /// Begins a snapshot; its version is one above every version there ever was.
    ///
    /// - Throws: `busy` while another is being written, `badParts`, `diskFull`.
    package func begin(_ plan: SnapshotPlan) throws(SnapshotError) -> SnapshotWriter {
        let width = try ProfileLayout.Part.width(of: plan.parts)
        let version = try nextVersion()
        try writing.withLock { (writing) throws(SnapshotError) in
            if let writing { throw .busy(version: writing) }
            writing = version
        }
        do throws(SnapshotError) {
            let (disk, directory) = (host.disk, directory)
            try onDisk { () throws(StorageError) in try disk.makeDurableDirectory(directory) }
            try checkSpace(rowCount: plan.expectedUsers, width: width)
            let parent = try registry.snapshots().last?.version
            return try SnapshotWriter(
                store: self, plan: plan, version: version, parent: parent, width: width)
        } catch {
            endWriting()
            throw error
        }
    }

    /// Snapshots that should be there, ascending by version.
    package func list() throws(SnapshotError) -> [Entry] {
        let current = try current()
        let pins = try registry.pins()
        var entries: [Entry] = []
        for record in try registry.snapshots() {
            entries.append(try entry(record, current, pins))
        }
        return entries
    }

    /// One snapshot.
    ///
    /// - Throws: `unknownVersion` also for one that retention removed.
    package func show(_ version: Int64) throws(SnapshotError) -> Entry {
        try entry(known(version), try current(), try registry.pins())
    }

    /// What `current` points at; nil when it points nowhere.
    package func current() throws(SnapshotError) -> Int64? {
        let target = try onDisk { () throws(StorageError) in
            try host.disk.link(directory + "/current")
        }
        guard let target, let version = PublishedDirectory.number(target) else { return nil }
        let status = try onDisk { () throws(StorageError) in
            try host.disk.status(path(of: version))
        }
        return status?.kind == .directory ? version : nil
    }

    /// Reads every byte of a snapshot: sizes, headers, hashes, order of users, finite values.
    ///
    /// - Throws: `damaged` for the first thing that is wrong.
    package func verify(_ version: Int64) throws(SnapshotError) {
        let record = try known(version)
        let manifest = try checkQuickly(record)
        try audit(manifest, in: path(of: version))
    }

    /// Compares the manifest with the registry's copy and the files' sizes with the manifest.
    @discardableResult
    func checkQuickly(_ record: SnapshotRecord) throws(SnapshotError) -> SnapshotManifest {
        let path = path(of: record.version)
        let (manifest, bytes) = try readManifest(record.version)
        if bytes != record.manifestBytes {
            throw .damaged(
                path: path + "/" + SnapshotFiles.manifest, reason: "not what was published")
        }
        for (name, digest) in manifest.files.sorted(by: { $0.key < $1.key }) {
            let file = path + "/" + name
            let status = try onDisk { () throws(StorageError) in try host.disk.status(file) }
            if status?.kind != .file || status?.byteCount != digest.byteCount {
                let found = status.map { "\($0.byteCount) bytes" } ?? "missing"
                throw .damaged(path: file, reason: "\(found), expected \(digest.byteCount) bytes")
            }
        }
        return manifest
    }

    /// The manifest in a version's directory, checked against the directory's name.
    func readManifest(
        _ version: Int64
    ) throws(SnapshotError) -> (manifest: SnapshotManifest, bytes: [UInt8]) {
        let path = path(of: version) + "/" + SnapshotFiles.manifest
        let bytes = try inPublished { () throws(StorageError) in
            try host.disk.bytes(of: path, limit: ManifestCoding.byteLimit)
        }
        let manifest = try ManifestCoding.decode(
            SnapshotManifest.self, bytes, path: path, schema: SnapshotManifest.schema)
        if manifest.version != version {
            throw .damaged(path: path, reason: "it is the manifest of \(manifest.version)")
        }
        return (manifest, bytes)
    }

    /// Reads both files of a directory and compares them with the manifest.
    func audit(_ manifest: SnapshotManifest, in directory: String) throws(SnapshotError) {
        guard let users = Int(exactly: manifest.users), users >= 0, manifest.width >= 1,
            try ProfileLayout.Part.width(of: manifest.parts) == manifest.width,
            Set(manifest.files.keys) == [SnapshotFiles.users, SnapshotFiles.embeddings]
        else {
            throw .damaged(
                path: directory + "/" + SnapshotFiles.manifest, reason: "it contradicts itself")
        }
        let audits: [(String, NpyHeader, SnapshotAudit.Rule)] = [
            (SnapshotFiles.users, .int64(count: users), .ascending),
            (
                SnapshotFiles.embeddings, .float16(rows: users, columns: manifest.width),
                .finite(width: manifest.width)
            ),
        ]
        for (name, header, rule) in audits {
            let path = directory + "/" + name
            let audit = SnapshotAudit(disk: host.disk, path: path, header: header, rule: rule)
            if try audit.run(hashesBody: false).digest != manifest.files[name] {
                throw .damaged(path: path, reason: "its SHA-256 is not the manifest's")
            }
        }
    }

    /// The registry's record of a snapshot whose directory should be there.
    func known(_ version: Int64) throws(SnapshotError) -> SnapshotRecord {
        guard let record = try registry.snapshot(version), record.removedSeconds == nil else {
            throw .unknownVersion(version)
        }
        return record
    }

    /// Runs `body` while no other verb changes the registry, the hold or `current`.
    func exclusively<Result: Sendable>(
        _ body: () throws(SnapshotError) -> Result
    ) throws(SnapshotError) -> Result {
        try moving.withLock { (_) throws(SnapshotError) in try body() }
    }

    func endWriting() {
        writing.withLock { $0 = nil }
    }

    private func entry(
        _ record: SnapshotRecord, _ current: Int64?, _ pins: [SnapshotPin]
    ) throws(SnapshotError) -> Entry {
        Entry(
            manifest: try record.manifest(), path: path(of: record.version),
            isCurrent: record.version == current, createdSeconds: record.createdSeconds,
            pin: pins.first { $0.version == record.version })
    }

    private func nextVersion() throws(SnapshotError) -> Int64 {
        let ids = try PublishedDirectory(directory, host).ids()
        return max(try registry.newestVersionEver(), ids.last ?? 0) + 1
    }

    private func checkSpace(rowCount: Int64, width: Int) throws(SnapshotError) {
        let free = try onDisk { () throws(StorageError) in
            try host.disk.freeByteCount(directory)
        }
        let rowByteCount = 8 + 2 * Int64(width)
        let (data, overflow) = max(0, rowCount).multipliedReportingOverflow(by: rowByteCount)
        let needed = overflow ? Int64.max : data.addingReportingOverflow(overhead).partialValue
        if needed < 0 || needed > free {
            throw .diskFull(
                path: directory, neededByteCount: needed < 0 ? .max : needed, freeByteCount: free)
        }
    }
}

/// Headers, manifest and directory blocks of one snapshot, bytes, generously.
private let overhead: Int64 = 64 << 10
