import Encoders
import EventLog
import Events
import Features
import Foundation
import GRDB
import Pipeline
import Profiles
import Sessions
import Snapshots
import Storage
import TestSupport

/// A log on disk, and generations and pipelines on state directories beside it.
struct PipelineFixture {
    let log: ShopLog
    let root: String
    var options: PipelineOptions
    /// Whether the space is one of an older version: SRA alone, without lists of ids.
    var isOld = false

    /// Writes the log below `root`, an empty directory that outlives the fixture.
    init(root: String, seed: UInt64 = 1, count: Int = 3000, userCount: Int = 60) throws {
        self.root = root
        log = ShopLog(seed: seed, count: count, userCount: userCount)
        try log.write(to: root + "/log")
        options = PipelineOptions(logDirectory: root + "/log", stateDirectory: root + "/state")
        options.clock.heldLimit = ShopLog.heldLimit
        options.commitMilliseconds = 5
        options.idleMilliseconds = 5
        options.reader.listMilliseconds = 5
        options.reader.sealGraceMilliseconds = 5
        options.snapshotActiveDays = 4000
        options.fold.rowWindow = 24
    }

    /// The same log, a state directory of its own.
    func options(named name: String) -> PipelineOptions {
        var options = options
        options.stateDirectory = "\(root)/\(name)"
        return options
    }

    /// Publishes space 1 and generation 1, of made-up statistics and seeded weights; the networks of
    /// the space itself read END, the one of the space before it does not.
    func publishGeneration(in stateDirectory: String) throws {
        let store = GenerationStore(stateDirectory: stateDirectory, on: .real)
        let statistics = Self.statistics
        var space = try StatisticsFiles.spaceFiles(statistics)
        var generation = try StatisticsFiles.generationFiles(statistics)
        if isOld {
            space["encoders/sra.safetensors"] = try TinySpace.space([.sra])
                .encoded()["encoders/sra.safetensors"]
        } else {
            space.merge(try TinySpace.space().encoded()) { $1 }
            generation.merge(try TinySpace.generation().encoded()) { $1 }
        }
        _ = try store.publishSpace(
            SpaceManifest(
                id: 1, trained: false, seed: 5, fitFrom: ShopLog.start, fitTo: ShopLog.start + 1,
                endRow: isOld ? nil : TinySpace.space().endRowNames),
            files: space)
        _ = try store.publishGeneration(
            GenerationManifest(
                id: 1, space: 1, trained: false, seed: 5, fitFrom: ShopLog.start,
                fitTo: ShopLog.start + 1, numbers: options.fold.numbers),
            files: generation)
    }

    /// A pipeline on a state directory that has the generation from now on.
    func open(
        _ options: PipelineOptions, host: Storage.Host = .real
    ) async throws -> RunningPipeline {
        if try RealDisk().status(options.stateDirectory + "/spaces/1") == nil {
            try publishGeneration(in: options.stateDirectory)
        }
        var pipeline = try openUnlocked(options, host)
        while pipeline == nil {
            // The one before has ended; its last task is about to let go of the lock.
            try await Task.sleep(for: .milliseconds(1))
            pipeline = try openUnlocked(options, host)
        }
        guard let pipeline else { throw PipelineError.stopping }
        return RunningPipeline(pipeline)
    }

    /// Nil while another pipeline holds the directory.
    private func openUnlocked(
        _ options: PipelineOptions, _ host: Storage.Host
    ) throws -> LivePipeline? {
        do {
            return try LivePipeline(host: host, options: options)
        } catch {
            if error.description.contains("another ubpd") { return nil }
            throw error
        }
    }

    /// What an undisturbed pipeline makes of the log: profiles when caught up, then what it stored.
    func outcome(_ options: PipelineOptions) async throws -> Outcome {
        let running = try await open(options)
        try await running.catchUp(to: log.records.count)
        let profiles = try await running.profiles(of: log.users)
        try await running.drain()
        return Outcome(
            stored: try StoredState(options.stateDirectory + "/generations/1/state.sqlite"),
            profiles: profiles)
    }

    static let statistics = TinySpace.statistics
}

/// A pipeline whose `run` goes on in a task.
final class RunningPipeline: Sendable {
    let pipeline: LivePipeline
    let task: Task<Void, any Error>

    init(_ pipeline: LivePipeline) {
        self.pipeline = pipeline
        task = Task.detached { try await pipeline.run() }
    }

    /// Returns when that many records are applied and nothing more is there to read.
    func catchUp(to count: Int) async throws {
        while true {
            let status = try await pipeline.status()
            if status.state == "stopped" { return try await task.value }
            // Inputs at the log's end are applied a slice at a time.
            if status.applied.recordCount > count
                || status.applied.recordCount == count && status.waitingInputs == 0
            {
                break
            }
            // Between two looks; the machine may have more to do than to answer this.
            try await Task.sleep(for: .milliseconds(1))
        }
        let status = try await pipeline.status()
        guard status.counters.isBalanced else { throw Imbalance(counters: status.counters) }
    }

    /// The bits of the users' profiles, asked for all at once.
    func profiles(of users: [UserID], asOf: Int64? = nil) async throws -> [[UInt32]] {
        try await pipeline.profiles(of: users, asOf: asOf).rows.map {
            $0.values.map(\.bitPattern)
        }
    }

    func drain() async throws {
        try await pipeline.drain()
        try await task.value
    }
}

/// Records vanished.
struct Imbalance: Error {
    var counters: RecordCounters
}

/// Everything that must not depend on how a pipeline came to it.
struct Outcome: Equatable {
    var stored: StoredState
    var profiles: [[UInt32]]

    /// What differs, in words.
    func differences(from other: Outcome) -> [String] {
        let users = zip(profiles, other.profiles).enumerated().filter { $1.0 != $1.1 }.map(\.offset)
        return stored.differences(from: other.stored)
            + (users.isEmpty ? [] : ["profiles of users number \(users)"])
            + (profiles.count == other.profiles.count ? [] : ["numbers of profiles"])
    }
}

/// The content of a `state.sqlite`: every row of every table, as bytes.
struct StoredState: Equatable {
    /// By table and primary key.
    var rows: [String: [UInt8]] = [:]

    init(_ path: String) throws {
        let database = try DatabaseQueue(path: path)
        rows = try database.read { db in
            var rows: [String: [UInt8]] = [:]
            let queries = [
                ("users", "SELECT CAST(user AS TEXT) AS key, newest, state, hidden FROM users"),
                ("rows", "SELECT user || '/' || chunk AS key, data FROM rows"),
                (
                    "catalogue",
                    "SELECT CAST(item AS TEXT) AS key, category, price, name FROM catalogue"
                ),
                ("held", "SELECT CAST(place AS TEXT) AS key, event FROM held"),
                ("refused", "SELECT CAST(ordinal AS TEXT) AS key, segment, record FROM refused"),
                ("meta", "SELECT key, value FROM meta"),
            ]
            for (table, query) in queries {
                for row in try Row.fetchAll(db, sql: query) {
                    let key: String = row["key"]
                    rows["\(table) \(key)"] = row.databaseValues.flatMap(Self.bytes)
                }
            }
            return rows
        }
        hiddenCount = try database.read { db in
            try Int.fetchOne(db, sql: "SELECT COUNT(hidden) FROM users") ?? 0
        }
    }

    private static func bytes(_ value: DatabaseValue) -> [UInt8] {
        if let data = Data.fromDatabaseValue(value), case .blob = value.storage {
            return [1] + Array(data)
        }
        return [2] + Array(value.description.utf8) + [0]
    }

    func differences(from other: StoredState) -> [String] {
        Set(rows.keys).union(other.rows.keys).filter { rows[$0] != other.rows[$0] }.sorted()
    }

    /// Users that have a stored hidden state.
    private(set) var hiddenCount = 0

    /// Keys of a table.
    func count(of table: String) -> Int { rows.keys.filter { $0.hasPrefix(table + " ") }.count }

    /// The counters of the last commit.
    func counters() throws -> RecordCounters {
        // Two values precede: the key and the value, each with its mark.
        let bytes = rows["meta counters"] ?? []
        let start = bytes.firstIndex(of: UInt8(ascii: "{")) ?? bytes.endIndex
        return try JSONDecoder().decode(RecordCounters.self, from: Data(bytes[start...]))
    }
}
