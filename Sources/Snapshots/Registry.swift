import GRDB
import Storage

/// `<state_dir>/ubpd.sqlite`: what was published when, what is held, which generation was activated.
///
/// Only the daemon opens it. The wall clock of things is here and nowhere in the data.
package final class Registry: Sendable {
    /// File name in the state directory.
    package static let fileName = "ubpd.sqlite"

    let path: String
    private let queue: DatabaseQueue
    private let lock: StateLock?
    /// Inputs above this id are not there for this reader.
    let inputBound: Int64
    /// The same of those that forget a user, which a state may know before it comes to them.
    let forgetBound: Int64

    /// Opens the registry of a state directory, locked against a second daemon.
    package convenience init(
        stateDirectory: String, on disk: any Disk
    ) throws(SnapshotError) {
        let lock = try StateLock(stateDirectory, on: disk)
        try self.init(path: stateDirectory + "/" + Self.fileName, lock: lock)
    }

    /// The same, but a damaged file is set aside first and said so.
    ///
    /// Snapshots and generations are adopted again from their directories; a hold is forgotten.
    package static func recover(
        stateDirectory: String, on host: Host
    ) throws(SnapshotError) -> (registry: Registry, degraded: [String]) {
        do {
            return (try Registry(stateDirectory: stateDirectory, on: host.disk), [])
        } catch .damagedRegistry(let path, let reason) {
            let aside = try onDisk { () throws(StorageError) in
                try DamagedDatabase.setAside(path, on: host)
            }
            let line =
                "\(aside): set aside, it was damaged (\(reason)); snapshots and generations are "
                + "adopted from their directories; roll back again if `current` was held, pin again what "
                + "was pinned, replay quarantined records again if the log is folded anew, and forget "
                + "again, at once, the users who had been; the audit begins a new chain"
            return (try Registry(stateDirectory: stateDirectory, on: host.disk), [line])
        }
    }

    /// A registry that dies with its owner, for tests and dry runs.
    package static func inMemory() throws(SnapshotError) -> Registry {
        try Registry(path: nil, lock: nil)
    }

    /// Opens the registry to read, while a daemon may hold it; it must be this version's.
    ///
    /// Inputs above the id `inputsUpTo` are left out, but for those up to `forgetsUpTo` that
    /// forget a user.
    package static func readOnly(
        stateDirectory: String, inputsUpTo: Int64 = .max, forgetsUpTo: Int64 = 0
    ) throws(SnapshotError) -> Registry {
        try Registry(
            reading: stateDirectory + "/" + Self.fileName, inputsUpTo: inputsUpTo,
            forgetsUpTo: forgetsUpTo)
    }

    private init(
        reading path: String, inputsUpTo: Int64, forgetsUpTo: Int64
    ) throws(SnapshotError) {
        self.path = path
        lock = nil
        inputBound = inputsUpTo
        forgetBound = forgetsUpTo
        do {
            queue = try DatabaseQueue(
                path: path, configuration: DatabaseSettings.makeReader(label: Self.fileName))
            guard try queue.read(Self.migrator.hasCompletedMigrations) else {
                throw SnapshotError.registry(
                    path: path, reason: "it is another version's; start this version's daemon once")
            }
        } catch let error as SnapshotError {
            throw error
        } catch {
            throw SnapshotError(error, ofRegistry: path)
        }
    }

    private init(path: String?, lock: StateLock?) throws(SnapshotError) {
        self.path = path ?? "registry in memory"
        self.lock = lock
        inputBound = .max
        forgetBound = .max
        let settings = DatabaseSettings.make(label: Self.fileName)
        do {
            queue =
                if let path {
                    try DatabaseQueue(path: path, configuration: settings)
                } else {
                    try DatabaseQueue(configuration: settings)
                }
            let migrator = Self.migrator
            if try queue.read(migrator.hasBeenSuperseded) {
                let found = try queue.read(migrator.appliedIdentifiers)
                throw SnapshotError.newerRegistry(path: self.path, found: found.sorted())
            }
            // Damage is met here, where the file can be set aside, and not by some later read, which
            // would end this start and every one after it. The file is small.
            let problems = try queue.read { database in
                try String.fetchAll(database, sql: "PRAGMA quick_check(1)")
            }
            guard problems == ["ok"] else {
                let lines = problems.flatMap { $0.split(separator: "\n") }
                throw SnapshotError.damagedRegistry(
                    path: self.path, reason: lines.joined(separator: ", "))
            }
            try migrator.migrate(queue)
        } catch let error as SnapshotError {
            throw error
        } catch {
            throw SnapshotError(error, ofRegistry: self.path)
        }
    }

    /// Reads in one transaction.
    func read<Result: Sendable>(
        _ body: @Sendable (Database) throws -> Result
    ) throws(SnapshotError) -> Result {
        do { return try queue.read(body) } catch {
            throw SnapshotError(error, ofRegistry: path)
        }
    }

    /// Writes in one transaction, durable when it returns.
    func write<Result: Sendable>(
        _ body: @Sendable (Database) throws -> Result
    ) throws(SnapshotError) -> Result {
        do { return try queue.write(body) } catch {
            throw SnapshotError(error, ofRegistry: path)
        }
    }

    /// Copies the write-ahead log into the file, so that it can be copied alone.
    package func checkpoint() throws(SnapshotError) {
        do {
            _ = try queue.writeWithoutTransaction { try $0.checkpoint(.truncate) }
        } catch {
            throw SnapshotError(error, ofRegistry: path)
        }
    }

    /// SQLite's own check of the file; empty when all is well.
    package func integrityProblems() throws(SnapshotError) -> [String] {
        let lines = try read { try String.fetchAll($0, sql: "PRAGMA integrity_check") }
        return lines == ["ok"] ? [] : lines
    }

    /// Migrations, oldest first; one that was released never changes.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: snapshots, spaces and generations") { database in
            try database.execute(
                sql: """
                    CREATE TABLE spaces (
                      id INTEGER PRIMARY KEY,
                      path TEXT NOT NULL,
                      trained INTEGER NOT NULL,
                      manifest_sha256 TEXT NOT NULL,
                      adopted_seconds INTEGER NOT NULL
                    ) STRICT;
                    CREATE TABLE generations (
                      id INTEGER PRIMARY KEY,
                      space INTEGER NOT NULL REFERENCES spaces(id),
                      path TEXT NOT NULL,
                      trained INTEGER NOT NULL,
                      manifest_sha256 TEXT NOT NULL,
                      adopted_offset INTEGER NOT NULL,
                      adopted_seconds INTEGER NOT NULL
                    ) STRICT;
                    CREATE TABLE activations (
                      id INTEGER PRIMARY KEY AUTOINCREMENT,
                      generation INTEGER NOT NULL,
                      log_offset INTEGER NOT NULL,
                      activated_seconds INTEGER NOT NULL
                    ) STRICT;
                    CREATE TABLE snapshots (
                      version INTEGER PRIMARY KEY,
                      space INTEGER NOT NULL,
                      generation INTEGER NOT NULL,
                      byte_count INTEGER NOT NULL,
                      created_seconds INTEGER NOT NULL,
                      removed_seconds INTEGER,
                      manifest BLOB NOT NULL
                    ) STRICT;
                    CREATE TABLE hold (
                      one INTEGER PRIMARY KEY CHECK (one = 1),
                      version INTEGER NOT NULL REFERENCES snapshots(version),
                      reason TEXT NOT NULL,
                      held_seconds INTEGER NOT NULL
                    ) STRICT;
                    """)
        }
        migrator.registerMigration("2: inputs") { database in
            try database.execute(
                sql: """
                    CREATE TABLE inputs (
                      id INTEGER PRIMARY KEY,
                      segment INTEGER NOT NULL,
                      record INTEGER NOT NULL,
                      kind TEXT NOT NULL,
                      subject TEXT,
                      payload BLOB NOT NULL,
                      seconds INTEGER NOT NULL,
                      UNIQUE (kind, subject)
                    ) STRICT;
                    """)
        }
        migrator.registerMigration("3: where a generation took over, and what it passed over") {
            database in
            try database.execute(
                sql: """
                    ALTER TABLE activations ADD COLUMN segment INTEGER;
                    ALTER TABLE activations ADD COLUMN record INTEGER;
                    ALTER TABLE activations ADD COLUMN passed_over INTEGER NOT NULL DEFAULT 0;
                    """)
        }
        registerSuppressions(&migrator)
        registerControlTables(&migrator)
        registerRevisions(&migrator)
        return migrator
    }
}
