import GRDB
import Storage

/// What is done about a SQLite file that is no longer one: it is set aside whole, never deleted.
package enum DamagedDatabase {
    /// Whether an error says that the file's content is damaged, rather than out of reach.
    package static func isDamage(_ error: any Error) -> Bool {
        let codes: [ResultCode] = [.SQLITE_CORRUPT, .SQLITE_NOTADB]
        return (error as? DatabaseError).map { codes.contains($0.resultCode) } ?? false
    }

    /// Renames a closed database and its write-ahead log, so that a new one can take its place.
    ///
    /// - Returns: the new path, `<path>.damaged-<seconds since 1970>`.
    package static func setAside(
        _ path: String, on host: Host
    ) throws(StorageError) -> String {
        let aside = "\(path).damaged-\(host.clock.seconds())"
        for suffix in ["", "-wal", "-shm"] where try host.disk.status(path + suffix) != nil {
            try host.disk.rename(path + suffix, to: aside + suffix)
        }
        if let directory = path.parentPath { try host.disk.syncDirectory(directory) }
        return aside
    }
}
