import EventLog
import Events
import Storage

/// Rewriting published snapshots without users who were forgotten (docs/forgetting.md).
///
/// A pair of files never changes: the directory is written anew beside, verified, and takes the
/// old one's place in one step. Its manifest has the next revision and lists the erasure's offset.
extension SnapshotStore {
    /// Takes a user out of a snapshot that was cut before the user was forgotten.
    ///
    /// A list's snapshot keeps its length: the row becomes that of an unknown user, zeros.
    /// - Returns: whether the user was in it.
    /// - Throws: the snapshot is the old one or the new one, as a start will find it.
    package func erase(
        _ suppression: Suppression, from version: Int64
    ) throws(SnapshotError) -> Bool {
        let record = try known(version)
        let manifest = try checkQuickly(record)
        var isListed = false
        if case .list = manifest.population { isListed = true }
        // Who stays away has no business in a snapshot of active users, whenever it was cut.
        guard manifest.cursor.isBefore(suppression) || !isListed && !suppression.allowsReturn,
            !isListed || !manifest.erasures.contains(suppression.offset),
            let rows = Int(exactly: manifest.users),
            let row = try index(of: suppression.user, among: rows, in: path(of: version))
        else { return false }
        // Damage must not be published under new hashes.
        try audit(manifest, in: path(of: version))
        let aside = AtomicFile.temporaryName(for: path(of: version), host.randomness)
        do throws(SnapshotError) {
            var revised = manifest
            revised.revision += 1
            revised.erasures = Set(manifest.erasures + [suppression.offset]).sorted()
            if !isListed { revised.users -= 1 }
            try onDisk { () throws(StorageError) in try host.disk.makeDirectory(aside) }
            let copy = RowRemoval(
                disk: host.disk, rows: rows, row: row, keepsCount: isListed,
                from: path(of: version), to: aside)
            revised.files = [
                SnapshotFiles.users: try copy.users(),
                SnapshotFiles.embeddings: try copy.embeddings(width: manifest.width),
            ]
            let bytes = ManifestCoding.encode(revised)
            try onDisk { () throws(StorageError) in
                let file = try host.disk.open(aside + "/" + SnapshotFiles.manifest, .create)
                try file.write(bytes, at: 0)
                try file.sync()
                try host.disk.syncDirectory(aside)
                // Its name must be durable before it can take the other's.
                try host.disk.syncDirectory(directory)
            }
            try audit(revised, in: aside)
            try exclusively { () throws(SnapshotError) in
                // Retention may have been quicker.
                _ = try known(version)
                try onDisk { () throws(StorageError) in
                    try host.disk.exchange(path(of: version), with: aside)
                    try host.disk.syncDirectory(directory)
                }
                try registry.revise(version, bytes: bytes, byteCount: revised.byteCount)
            }
        } catch {
            // Best effort: the next start removes it by its name.
            try? host.disk.remove(aside)
            throw error
        }
        // Gone for good, or the user's row would be there again after a power failure.
        try onDisk { () throws(StorageError) in
            try host.disk.remove(aside)
            try host.disk.syncDirectory(directory)
        }
        return true
    }

    /// Tells the registry of a revision that took its place just before a crash; true if one had.
    func finishRevision(of record: SnapshotRecord) throws(SnapshotError) -> Bool {
        let (found, bytes): (SnapshotManifest, [UInt8])
        do throws(SnapshotError) { (found, bytes) = try readManifest(record.version) } catch {
            // The quick check says what is wrong.
            return false
        }
        if bytes == record.manifestBytes { return false }
        var expected = try record.manifest()
        guard found.revision == expected.revision + 1,
            Set(found.erasures).isSuperset(of: expected.erasures),
            expected.users - found.users == 0 || expected.users - found.users == 1
        else { return false }
        expected.revision = found.revision
        expected.erasures = found.erasures
        expected.users = found.users
        expected.files = found.files
        guard expected == found else { return false }
        do throws(SnapshotError) { try audit(found, in: path(of: record.version)) } catch {
            return false
        }
        try registry.revise(record.version, bytes: bytes, byteCount: found.byteCount)
        return true
    }

    /// The row of a user in `client_ids.npy`, `rows` ids ascending; nil when it is not there.
    func index(
        of user: UserID, among rows: Int, in directory: String
    ) throws(SnapshotError) -> Int? {
        let path = directory + "/" + SnapshotFiles.users
        let file = try inPublished { () throws(StorageError) in try host.disk.open(path, .read) }
        var (low, high) = (0, rows)
        while low < high {
            let middle = low + (high - low) / 2
            var bytes: [UInt8] = []
            let position = Int64(NpyHeader.byteCount) + 8 * Int64(middle)
            while bytes.count < 8 {
                let at = position + Int64(bytes.count)
                let count = try onDisk { () throws(StorageError) in
                    try file.read(8 - bytes.count, at: at, into: &bytes)
                }
                if count == 0 { throw .damaged(path: path, reason: "it ends in its ids") }
            }
            var bits: UInt64 = 0
            for byte in bytes.reversed() { bits = bits << 8 | UInt64(byte) }
            let found = UserID(rawValue: Int64(bitPattern: bits))
            if found == user { return middle }
            if found < user { low = middle + 1 } else { high = middle }
        }
        return nil
    }
}

extension Cursor {
    /// Whether what was cut here may hold something of the user from before the erasure.
    func isBefore(_ suppression: Suppression) -> Bool {
        if segment != suppression.place.segment { return segment < suppression.place.segment }
        return recordCount <= suppression.offset
    }
}

/// Copies the files of a snapshot without one row, or with zeros in it.
private struct RowRemoval {
    let disk: any Disk
    let rows: Int
    let row: Int
    /// Whether the row stays, as that of an unknown user.
    let keepsCount: Bool
    let from: String
    let to: String

    func users() throws(SnapshotError) -> FileDigest {
        let kept = rows - (keepsCount ? 0 : 1)
        return try copy(SnapshotFiles.users, .int64(count: kept), rowByteCount: 8, zeroes: false)
    }

    func embeddings(width: Int) throws(SnapshotError) -> FileDigest {
        let kept = rows - (keepsCount ? 0 : 1)
        return try copy(
            SnapshotFiles.embeddings, .float16(rows: kept, columns: width),
            rowByteCount: 2 * Int64(width), zeroes: true)
    }

    private func copy(
        _ name: String, _ header: NpyHeader, rowByteCount: Int64, zeroes: Bool
    ) throws(SnapshotError) -> FileDigest {
        try onDisk { () throws(StorageError) in
            let source = try disk.open(from + "/" + name, .read)
            let target = try disk.open(to + "/" + name, .create)
            try target.write(header.encoded(), at: 0)
            var position = Int64(NpyHeader.byteCount)
            let start = position + Int64(row) * rowByteCount
            let end = Int64(NpyHeader.byteCount) + Int64(rows) * rowByteCount
            try append(source, position..<start, to: target, &position)
            if keepsCount {
                if zeroes {
                    let count = Int(rowByteCount)
                    try target.write([UInt8](repeating: 0, count: count), at: position)
                    position += rowByteCount
                } else {
                    try append(source, start..<start + rowByteCount, to: target, &position)
                }
            }
            try append(source, start + rowByteCount..<end, to: target, &position)
            try target.sync()
            return try disk.contentHash(of: to + "/" + name)
        }
    }

    private func append(
        _ source: any DiskFile, _ range: Range<Int64>, to target: any DiskFile,
        _ position: inout Int64
    ) throws(StorageError) {
        var next = range.lowerBound
        while next < range.upperBound {
            var block: [UInt8] = []
            let count = Int(min(Int64(readByteCount), range.upperBound - next))
            if try source.read(count, at: next, into: &block) == 0 {
                throw .malformed(path: from, reason: "it ends before its last row")
            }
            try target.write(block, at: position)
            next += Int64(block.count)
            position += Int64(block.count)
        }
    }
}
