import EventLog
import Foundation
import Snapshots
import Storage

/// What an evaluation has decided before it makes anything: `plan.json` of its directory.
struct EvaluationPlan: Sendable, Equatable, Codable {
    static let schema = 1

    var schema = Self.schema
    /// `EvaluationOptions.settings`.
    var settings: [String]
    var facts: LogFacts
    var cutoffSeconds: Int64
    /// Whether an evaluation has come to its end with it; it is kept for the next one.
    var isFinished = false
}

/// A snapshot that an evaluation made: `profiles-<n>.json` of its directory.
struct EvaluationProfiles: Sendable, Equatable, Codable {
    /// Its directory.
    var path: String
    var generation: Int64
    var space: Int64
    /// What the gate said against the generation.
    var refusals: [String]
}

/// `<state_dir>/evaluate/`: what an evaluation has made so far, for itself and for the next call.
///
/// A step is done when the file that says so is there; a step that is not is done again.
final class EvaluationDirectory: Sendable {
    let path: String
    private let host: Storage.Host
    private let lock: StateLock

    /// Everything that an evaluation may leave there.
    private static let ownNames: Set<String> = [
        "lock", "plan.json", "input", "input.json", "state", "profiles-1.json", "profiles-2.json",
        "refusals.json", "serve-1", "serve-2", "scratch",
    ]

    /// Takes the directory for this process, making it when it is missing.
    init(_ path: String, on host: Storage.Host) throws {
        if let foreign = try Self.foreignName(in: path, on: host.disk) {
            throw EvaluationRunError.foreign(directory: path, name: foreign)
        }
        lock = try Self.lock(path, on: host.disk)
        self.path = path
        self.host = host
        _ = try AtomicFile.removeLeftovers(in: path, on: host.disk)
    }

    private static func foreignName(in path: String, on disk: any Disk) throws -> String? {
        guard try disk.status(path) != nil else { return nil }
        return try disk.names(in: path).first {
            !ownNames.contains($0) && !AtomicFile.isLeftover($0)
        }
    }

    private static func lock(
        _ path: String, on disk: any Disk
    ) throws(EvaluationRunError) -> StateLock {
        do throws(SnapshotError) {
            return try StateLock(path, on: disk)
        } catch .stateDirectoryInUse {
            throw .busy(directory: path)
        } catch {
            throw .work(error.description)
        }
    }

    var inputPath: String { path + "/input" }
    var statePath: String { path + "/state" }
    /// A state directory with generation number `index` of this evaluation alone.
    func servingPath(_ index: Int) -> String { "\(path)/serve-\(index)" }
    var scratchPath: String { path + "/scratch" }
    private var planPath: String { path + "/plan.json" }
    private var inputMarkPath: String { path + "/input.json" }
    private func profilesPath(_ index: Int) -> String { "\(path)/profiles-\(index).json" }

    /// The plan of an earlier call; nil without one that can be read.
    func plan() throws -> EvaluationPlan? {
        guard let plan = try read(EvaluationPlan.self, planPath),
            plan.schema == EvaluationPlan.schema
        else { return nil }
        return plan
    }

    /// Leaves a plan for the next call.
    func write(_ plan: EvaluationPlan) throws { try write(plan, to: planPath) }

    /// Whether the copied input is whole.
    var hasInput: Bool {
        get throws { try host.disk.status(inputMarkPath) != nil }
    }

    /// An empty directory's place for the input.
    func beginInput() throws { try host.disk.remove(inputPath) }

    /// Says that the copied input is whole.
    func finishInput(of users: Int) throws {
        try host.disk.syncTree(inputPath)
        try write(["users": users], to: inputMarkPath)
    }

    /// The snapshot number `index`, from 1, if it was made.
    func profiles(_ index: Int) throws -> EvaluationProfiles? {
        try read(EvaluationProfiles.self, profilesPath(index))
    }

    func write(_ profiles: EvaluationProfiles, _ index: Int) throws {
        try write(profiles, to: profilesPath(index))
    }

    /// What the gate said against a generation of this directory; its manifest has it no more.
    func refusals(of generation: Int64) throws -> [String] {
        try read([String: [String]].self, path + "/refusals.json")?[String(generation)] ?? []
    }

    /// Keeps what the gate said.
    func write(refusals: [String], of generation: Int64) throws {
        var all = try read([String: [String]].self, path + "/refusals.json") ?? [:]
        all[String(generation)] = refusals
        try write(all, to: path + "/refusals.json")
    }

    /// Removes everything but the lock; the plan first, so that what a kill leaves is not gone on
    /// with.
    func clear() throws {
        try host.disk.remove(planPath)
        try host.disk.syncDirectory(path)
        for name in try host.disk.names(in: path) where name != "lock" {
            try host.disk.remove(path + "/" + name)
        }
        try host.disk.syncDirectory(path)
    }

    /// Removes what scoring alone needed.
    func clearScratch() throws { try host.disk.remove(scratchPath) }

    /// An empty place for what scoring alone needs.
    func beginScratch() throws {
        try clearScratch()
        try host.disk.makeDirectory(scratchPath)
    }

    private func write(_ record: some Encodable, to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        try AtomicFile.write(Array(try encoder.encode(record)) + [0x0A], to: path, on: host)
    }

    /// Nil when it is missing or nothing that this version wrote.
    private func read<Record: Decodable>(_ type: Record.Type, _ path: String) throws -> Record? {
        guard try host.disk.status(path) != nil else { return nil }
        return try? JSONDecoder().decode(
            type, from: Data(try host.disk.bytes(of: path, limit: 1 << 24)))
    }
}
