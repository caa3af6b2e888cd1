import Storage

/// Keeps refused bytes by their place in the log, so that a replay's repeats are harmless.
///
/// Entries are appended, each with a checksum, to numbered files in one directory. A file that is
/// full is followed by another, and beyond `fileCount` of them the oldest leaves with its entries,
/// which are counted. What `sync()` returned for survives a crash; a torn end is cut off when the
/// store is opened. Used by one thread at a time.
package final class QuarantineStore {
    /// How much is kept.
    package struct Options: Hashable, Sendable {
        /// Most bytes of all files together.
        package var byteCount: Int64
        /// Most entries.
        package var entryCount: Int
        /// Most bytes kept of one refused record; the rest is cut off.
        package var recordByteCount: Int
        /// Age of a file, seconds since its first entry, after which the next one begins: entries
        /// expire by the file, so a file must not stay young by being written to.
        package var fileSeconds: Int64

        /// Sets the bounds; none may be zero.
        package init(
            byteCount: Int64 = 64 << 20, entryCount: Int = 100_000,
            recordByteCount: Int = 128 * 1024, fileSeconds: Int64 = .max
        ) {
            precondition(
                byteCount > 0 && entryCount > 0 && recordByteCount > 0 && fileSeconds > 0,
                "QuarantineStore.Options: every bound must be positive")
            self.fileSeconds = fileSeconds
            self.byteCount = byteCount
            self.entryCount = entryCount
            self.recordByteCount = recordByteCount
        }
    }

    struct Place {
        var file: Int64
        var position: Int64
        var byteCount: Int
        /// The entry's `reasonCode`, one string for all that have it.
        var code: String
    }

    struct StoredFile {
        var number: Int64
        var byteCount: Int64
        var keys: [RecordPlace] = []
        /// When its first entry was refused; nil while it has none.
        var firstSeconds: Int64?
        var lastSeconds: Int64 = 0
    }

    /// Into how many files the bounds are divided; that much leaves at a time.
    package static let fileCount = 8
    /// Longest reason, bytes.
    static let reasonByteCount = 1024

    /// Entries that left for space or age, over the store's life.
    package internal(set) var droppedCount = 0
    /// Files whose end was damaged when the store was opened.
    package internal(set) var damagedFileCount = 0

    let host: Host
    let directory: String
    let options: Options
    var places: [RecordPlace: Place] = [:]
    private var codes: Set<String> = []
    var files: [StoredFile] = []
    var active: (any DiskFile)?
    /// Not after loading either: a process that was killed leaves entries that no one synced.
    private var isSynced = false

    /// Opens the store, making its directory when it is missing.
    package init(
        host: Host, directory: String, options: Options = Options()
    )
        throws(EventLogError)
    {
        self.host = host
        self.directory = directory
        self.options = options
        do throws(StorageError) {
            try load()
        } catch {
            throw .storage(error)
        }
    }

    /// Entries now.
    package var count: Int { places.count }

    /// Bytes of all files.
    package var byteCount: Int64 { files.reduce(0) { $0 + $1.byteCount } }

    /// Keeps an entry; it is durable after the next `sync()`.
    ///
    /// - Returns: false when an entry with this key is kept already: then nothing is written.
    @discardableResult
    package func put(_ entry: QuarantineEntry) throws(EventLogError) -> Bool {
        guard places[entry.key] == nil else { return false }
        var kept = entry
        kept.seconds = host.clock.seconds()
        if kept.bytes.count > options.recordByteCount {
            kept.bytes.removeLast(kept.bytes.count - options.recordByteCount)
        }
        if kept.reason.utf8.count > Self.reasonByteCount {
            kept.reason = String(
                decoding: kept.reason.utf8.prefix(Self.reasonByteCount), as: UTF8.self)
        }
        do throws(StorageError) {
            try write(kept.encoded(), of: kept)
        } catch {
            throw .storage(error)
        }
        return true
    }

    /// Makes every entry durable; call it before the cursor that is past them is committed.
    package func sync() throws(EventLogError) {
        guard let active, !isSynced else { return }
        do throws(StorageError) {
            try active.sync()
            try host.disk.syncDirectory(directory)
        } catch {
            throw .storage(error)
        }
        isSynced = true
    }

    /// The entry with this key; nil when there is none, or its bytes are damaged.
    package func entry(_ key: RecordPlace) throws(EventLogError) -> QuarantineEntry? {
        guard let place = places[key] else { return nil }
        var bytes: [UInt8] = []
        do throws(StorageError) {
            let file = try host.disk.open(path(place.file), .read)
            while bytes.count < place.byteCount {
                let missing = place.byteCount - bytes.count
                let position = place.position + Int64(bytes.count)
                if try file.read(missing, at: position, into: &bytes) == 0 { return nil }
            }
        } catch {
            throw .storage(error)
        }
        return QuarantineEntry.decode(bytes, at: 0)?.entry
    }

    /// Up to `limit` entries after `key`, in log order; of one segment or reason code if one is named.
    ///
    /// - Complexity: O(n log n) in the entries kept, which are bounded, and one read for each found.
    package func list(
        after key: RecordPlace? = nil, segment: Int64? = nil, code: String? = nil, limit: Int
    ) throws(EventLogError) -> [QuarantineEntry] {
        let keys = places.filter { candidate, place in
            (key.map { candidate > $0 } ?? true)
                && (segment.map { candidate.segment == $0 } ?? true)
                && (code.map { place.code == $0 } ?? true)
        }.keys.sorted()
        var found: [QuarantineEntry] = []
        for key in keys.prefix(max(0, limit)) {
            if let entry = try entry(key) { found.append(entry) }
        }
        return found
    }

    /// Drops files whose newest entry was refused before `seconds`.
    package func expire(before seconds: Int64) throws(EventLogError) {
        do throws(StorageError) {
            while let oldest = files.first, oldest.lastSeconds < seconds { try drop(oldest) }
        } catch {
            throw .storage(error)
        }
    }

    private func write(_ bytes: [UInt8], of entry: QuarantineEntry) throws(StorageError) {
        let share = options.byteCount / Int64(Self.fileCount)
        if let last = files.last, active != nil, !last.keys.isEmpty,
            last.byteCount + Int64(bytes.count) > share
                || last.keys.count >= max(1, options.entryCount / Self.fileCount)
                || isOld(last, at: entry.seconds)
        {
            try active?.sync()
            active = nil
        }
        if active == nil { try begin() }
        guard let file = active else { return }
        let index = files.count - 1
        let position = files[index].byteCount
        try file.write(bytes, at: position)
        isSynced = false
        files[index].byteCount += Int64(bytes.count)
        note(entry, at: position, byteCount: bytes.count, in: &files[index])
    }

    private func isOld(_ file: StoredFile, at seconds: Int64) -> Bool {
        guard let first = file.firstSeconds else { return false }
        return seconds - first >= options.fileSeconds
    }

    /// Notes where an entry of `file` stands.
    func note(
        _ entry: QuarantineEntry, at position: Int64, byteCount: Int, in file: inout StoredFile
    ) {
        file.keys.append(entry.key)
        file.firstSeconds = min(file.firstSeconds ?? entry.seconds, entry.seconds)
        file.lastSeconds = max(file.lastSeconds, entry.seconds)
        places[entry.key] = Place(
            file: file.number, position: position, byteCount: byteCount,
            code: codes.insert(entry.reasonCode).memberAfterInsert)
    }
}
