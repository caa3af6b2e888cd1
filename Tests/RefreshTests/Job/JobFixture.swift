import Encoders
import EventLog
import Events
import Features
import Foundation
import GRDB
import Learning
import Pipeline
import Refresh
import Sessions
import Snapshots
import Storage
import Synchronization
import TestSupport

/// A small shop's log on the real disk, and refreshes of small networks beside it.
struct JobFixture {
    let root: String
    let log: ShopLog

    /// Writes the log below `root`, an empty directory that outlives the fixture.
    init(root: String, count: Int = 2400) throws {
        self.root = root
        log = ShopLog(seed: 5, count: count)
        try log.write(to: root + "/log")
    }

    /// A quick refresh on a state directory of the root.
    func options(
        _ state: String, _ kind: RefreshJobOptions.Kind = .newSpace, log: String = "log"
    ) -> RefreshJobOptions {
        var refresh = RefreshOptions(
            logDirectory: "\(root)/\(log)", stateDirectory: "\(root)/\(state)", seed: 11)
        refresh.clock.heldLimit = ShopLog.heldLimit
        refresh.fold.rowWindow = 16
        refresh.reader.chunkRecordCount = 200
        refresh.reader.sealGraceMilliseconds = 5
        refresh.reader.listMilliseconds = 5
        var options = RefreshJobOptions(kind: kind, refresh: refresh)
        options.makeQuick()
        options.sizes = Self.sizes
        options.epochCounts[.sra] = 2
        options.checkpointSteps = 1
        options.factorCheckpointSeconds = 0
        for place in [\RefreshJobOptions.itemFactors, \.categoryFactors] {
            options[keyPath: place].stretchStepCount = 500
        }
        return options
    }

    /// Networks of a few numbers.
    static let sizes: NetworkSizes = {
        var sizes = NetworkSizes()
        for place in [\NetworkSizes.sra, \.fip] {
            sizes[keyPath: place].hiddenWidth = 8
            sizes[keyPath: place].latentWidth = 8
        }
        for place in [\NetworkSizes.mtl, \.mtlPropensity, \.mtlChurn] {
            sizes[keyPath: place].encoderWidths = [8]
            sizes[keyPath: place].forwardWidth = 8
            sizes[keyPath: place].residualWidth = 8
            sizes[keyPath: place].latentWidth = 8
            sizes[keyPath: place].headWidths = [8, 8]
        }
        sizes.esa.embeddingWidth = 8
        sizes.esa.hiddenWidth = 8
        return sizes
    }()

    /// Runs a refresh to its end, or as far as it comes; the task is cancelled at the call number
    /// `cancelAt` of the progress, from 0.
    func run(
        _ options: RefreshJobOptions, disk: any Disk = RealDisk(), clock: any Clock = RealClock(),
        cancelAt: Int? = nil, said: Said = Said()
    ) async throws -> RefreshJobReport {
        let host = Host(disk: disk, clock: clock, randomness: RealRandomness())
        let job = try await Self.makeJob(host, options, cancelAt, said)
        let work = Task { () -> Result<RefreshJobReport, RefreshError> in
            do throws(RefreshError) { return .success(try await job.run()) } catch {
                return .failure(error)
            }
        }
        said.cancel = { work.cancel() }
        return try await work.value.get()
    }

    /// Waits while what an earlier job left behind in memory still holds the directory.
    private static func makeJob(
        _ host: Storage.Host, _ options: RefreshJobOptions, _ cancelAt: Int?, _ said: Said
    ) async throws -> RefreshJob {
        var job = try open(host, options, cancelAt, said)
        while job == nil {
            try await Task.sleep(for: .milliseconds(1))
            job = try open(host, options, cancelAt, said)
        }
        guard let job else { throw RefreshError.cancelled }
        return job
    }

    /// Nil while another job holds the directory.
    private static func open(
        _ host: Storage.Host, _ options: RefreshJobOptions, _ cancelAt: Int?, _ said: Said
    ) throws -> RefreshJob? {
        let progress: @Sendable (JobProgress) -> Void = { said.note($0, cancelAt) }
        let say: @Sendable (String) -> Void = { said.add($0) }
        do {
            return try RefreshJob(host: host, options: options, progress: progress, say: say)
        } catch {
            if case .busy = error { return nil }
            throw error
        }
    }

    /// Everything that a state directory has published: files by path, and the rows of states.
    func published(_ state: String) throws -> [String: [UInt8]] {
        let disk = RealDisk()
        var all: [String: [UInt8]] = [:]
        for folder in ["spaces", "generations"] {
            let directory = "\(root)/\(state)/\(folder)"
            guard try disk.status(directory) != nil else { continue }
            for name in try disk.filesBelow(directory) {
                let path = "\(folder)/\(name)"
                if name.contains("state.sqlite") { continue }
                all[path] = try disk.bytes(of: "\(directory)/\(name)", limit: 1 << 26)
            }
            for id in try disk.names(in: directory) where folder == "generations" {
                for (row, bytes) in try Self.rows("\(directory)/\(id)/state.sqlite") {
                    all["state \(id) \(row)"] = bytes
                }
            }
        }
        return all
    }

    /// Every row of every table.
    private static func rows(_ path: String) throws -> [(String, [UInt8])] {
        try DatabaseQueue(path: path).read { db in
            let tables = try String.fetchAll(
                db, sql: "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            return try tables.flatMap { table in
                try Row.fetchAll(db, sql: "SELECT * FROM \(table) ORDER BY 1, 2").enumerated().map {
                    (
                        "\(table) \($0)",
                        $1.databaseValues.flatMap { value -> [UInt8] in
                            if case .blob(let data) = value.storage { return [1] + Array(data) }
                            return [2] + Array(value.description.utf8) + [0]
                        }
                    )
                }
            }
        }
    }

    /// Paths that two state directories differ in.
    static func differences(_ left: [String: [UInt8]], _ right: [String: [UInt8]]) -> [String] {
        Set(left.keys).union(right.keys).filter { left[$0] != right[$0] }.sorted()
    }
}

/// What a job told.
final class Said: Sendable {
    private struct Told {
        var progress: [JobProgress] = []
        var lines: [String] = []
        var cancel: (@Sendable () -> Void)?
        var mustCancel = false
    }

    private let told = Mutex(Told())

    var progress: [JobProgress] { told.withLock { $0.progress } }
    var lines: [String] { told.withLock { $0.lines } }

    var cancel: (@Sendable () -> Void)? {
        get { told.withLock { $0.cancel } }
        set {
            let isLate = told.withLock {
                $0.cancel = newValue
                return $0.mustCancel
            }
            if isLate { newValue?() }
        }
    }

    func add(_ line: String) { told.withLock { $0.lines.append(line) } }

    func note(_ progress: JobProgress, _ cancelAt: Int?) {
        let cancel = told.withLock { told -> (@Sendable () -> Void)? in
            told.progress.append(progress)
            guard told.progress.count - 1 == cancelAt else { return nil }
            told.mustCancel = true
            return told.cancel
        }
        cancel?()
    }
}
