import Foundation
import Snapshots
import Storage

/// `<state_dir>/refresh/`: what a refresh has done so far, for itself and for the next call.
///
/// A step's results are a directory `out/<step>` that appears whole: written aside, synced,
/// renamed. So a step is done or it is not.
final class RefreshDirectory: Sendable {
    let path: String
    let host: Storage.Host
    private let lock: StateLock

    /// Takes the directory for this process.
    ///
    /// - Throws: `busy` while another refresh holds it.
    init(stateDirectory: String, on host: Storage.Host) throws(RefreshError) {
        path = stateDirectory + "/refresh"
        self.host = host
        do throws(SnapshotError) {
            lock = try StateLock(path, on: host.disk)
        } catch .stateDirectoryInUse {
            throw .busy(directory: path)
        } catch {
            throw .work(error.description)
        }
    }

    private var disk: any Disk { host.disk }
    var planPath: String { path + "/plan.json" }
    var progressPath: String { path + "/progress.json" }
    /// The state directory in which the log is folded again.
    var statePath: String { path + "/state" }
    private var checkpointPath: String { path + "/checkpoints" }
    private var outPath: String { path + "/out" }

    /// Where a step's results are, or will be.
    func output(_ step: RefreshStep) -> String { "\(outPath)/\(step.name)" }

    /// Where a step keeps what it goes on from; another's is never looked at.
    func checkpoints(_ step: RefreshStep) -> String { "\(checkpointPath)/\(step.name)" }

    /// The plan of an earlier call; nil without one that can be read.
    func plan() throws(StorageError) -> RefreshPlan? {
        guard try disk.status(planPath) != nil else { return nil }
        return RefreshPlan(decoding: try disk.bytes(of: planPath, limit: 1 << 24))
    }

    /// Whether anything of an earlier call is there.
    func hasLeftovers() throws(StorageError) -> Bool {
        try disk.names(in: path).contains { $0 != "lock" && $0 != "progress.json" }
    }

    /// Begins with a plan, after `clear`.
    func begin(_ plan: RefreshPlan) throws {
        for directory in [outPath, checkpointPath] { try disk.makeDurableDirectory(directory) }
        try AtomicFile.write(try plan.encoded(), to: planPath, on: host)
    }

    /// Removes everything but the lock and the last progress; the plan first, so that what a kill
    /// leaves is not gone on with.
    func clear() throws(StorageError) {
        try disk.remove(planPath)
        try disk.syncDirectory(path)
        for name in try disk.names(in: path) where name != "lock" && name != "progress.json" {
            try disk.remove(path + "/" + name)
        }
        try disk.syncDirectory(path)
    }

    func isDone(_ step: RefreshStep) throws(StorageError) -> Bool {
        try disk.status(output(step)) != nil
    }

    /// An empty directory for a step's results; what an earlier attempt left is removed.
    func beginStep(_ step: RefreshStep) throws(StorageError) -> String {
        _ = try AtomicFile.removeLeftovers(in: outPath, on: disk)
        try disk.makeDurableDirectory(checkpoints(step))
        let aside = AtomicFile.temporaryName(for: output(step), host.randomness)
        try disk.makeDirectory(aside)
        return aside
    }

    /// Makes a step's results durable and the step done.
    func finish(_ step: RefreshStep, _ aside: String) throws(StorageError) {
        try disk.syncTree(aside)
        try disk.rename(aside, to: output(step))
        try disk.syncDirectory(outPath)
        // What training was resumed from is of no use any more.
        for name in try disk.names(in: checkpointPath) {
            try disk.remove(checkpointPath + "/" + name)
        }
    }

    /// Writes files below a directory, with parents as they need them; the step's end syncs them.
    func write(_ files: [String: [UInt8]], to directory: String) throws(StorageError) {
        for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
            let target = directory + "/" + name
            if let parent = target.parentPath { try disk.makeDirectory(parent) }
            try disk.open(target, .create).write(bytes, at: 0)
        }
    }

    /// Writes a step's word on what it came to.
    func write(_ record: some Encodable, to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let bytes = Array(try encoder.encode(record)) + [UInt8(ascii: "\n")]
        try disk.open(path, .create).write(bytes, at: 0)
    }

    /// Reads what `write` wrote.
    func read<Record: Decodable>(_ type: Record.Type, _ path: String) throws -> Record {
        try JSONDecoder().decode(type, from: Data(try disk.bytes(of: path, limit: 1 << 26)))
    }

    /// Bytes of all files below the directory, and below any other.
    func byteCount(below directory: String? = nil) throws(StorageError) -> Int64 {
        let root = directory ?? path
        guard try disk.status(root) != nil else { return 0 }
        var sum: Int64 = 0
        for name in try disk.filesBelow(root) {
            sum += try disk.status(root + "/" + name)?.byteCount ?? 0
        }
        return sum
    }
}
