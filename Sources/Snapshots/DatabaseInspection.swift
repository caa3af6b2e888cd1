import EventLog
import GRDB
import Storage

/// Looks into SQLite files that may be another process's, and leaves no trace of that.
///
/// Where there is no write-ahead log, nobody has the file open, and it is read as one that cannot
/// change; else the log and its index are read as they are (https://sqlite.org/uri.html).
package enum DatabaseInspection {
    /// Why a file cannot be looked into.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        /// It is no database, or a damaged one.
        case damaged(reason: String)
        /// A killed process has left a write-ahead log whose index is gone.
        case needsRecovery
        case unreadable(reason: String)

        package var description: String {
            switch self {
            case .damaged(let reason): "it is damaged: \(reason)"
            case .needsRecovery: "its write-ahead log has no index; a start mends that"
            case .unreadable(let reason): reason
            }
        }
    }

    /// Reads from a database; nil when there is none.
    package static func read<Result: Sendable>(
        _ path: String, on disk: any Disk, _ body: @Sendable (Database) throws -> Result
    ) throws(Failure) -> Result? {
        let (hasLog, hasIndex): (Bool, Bool)
        do throws(StorageError) {
            guard try disk.status(path) != nil else { return nil }
            hasLog = try disk.status(path + "-wal") != nil
            hasIndex = try disk.status(path + "-shm") != nil
        } catch {
            throw .unreadable(reason: "\(error)")
        }
        if hasLog, !hasIndex { throw .needsRecovery }
        var configuration = Configuration()
        configuration.readonly = true
        let options = hasLog ? "mode=ro&readonly_shm=1" : "immutable=1"
        do {
            let queue = try DatabaseQueue(
                path: "file:\(escaped(path))?\(options)", configuration: configuration)
            return try queue.read(body)
        } catch  where DamagedDatabase.isDamage(error) {
            throw .damaged(reason: "\(error)")
        } catch {
            throw .unreadable(reason: "\(error)")
        }
    }

    /// A path as it stands in a URI.
    private static func escaped(_ path: String) -> String {
        let plain = Set("/._-".utf8)
        return path.utf8.map { byte in
            let isPlain =
                plain.contains(byte) || (0x30...0x39).contains(byte)
                || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            let digits = String(byte, radix: 16, uppercase: true)
            return isPlain
                ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + digits
        }.joined()
    }
}

extension Registry {
    /// What can be told of a registry without opening it as one.
    package struct Inspection: Sendable, Equatable {
        /// Migrations of a newer version, which this one cannot work with.
        package var foreign: [String] = []
        /// Whether this version would migrate it.
        package var isOld = false
        /// The generation that was activated last.
        package var generation: Int64?
    }

    /// Looks into the registry of a state directory; nil when there is none.
    package static func inspect(
        stateDirectory: String, on disk: any Disk
    ) throws(DatabaseInspection.Failure) -> Inspection? {
        try DatabaseInspection.read("\(stateDirectory)/\(fileName)", on: disk) { database in
            var found = Inspection()
            let known = Set(migrator.migrations)
            guard try database.tableExists("grdb_migrations") else {
                found.isOld = true
                return found
            }
            let applied = try migrator.appliedIdentifiers(database)
            found.foreign = applied.subtracting(known).sorted()
            found.isOld = !known.subtracting(applied).isEmpty
            if try database.tableExists("activations") {
                found.generation = try Int64.fetchOne(
                    database, sql: "SELECT generation FROM activations ORDER BY id DESC LIMIT 1")
            }
            return found
        }
    }
}
