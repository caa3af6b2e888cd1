import EventLog
import Events
import Foundation
import GRDB
import Pipeline
import Storage
import Synchronization
import TestSupport
import Testing

/// A kill leaves what was durable: the last commit, and quarantine entries that are ahead of it.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct KillTests {
    @Test func `a restart from any commit ends in the same bytes`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var options = fixture.options(named: "killed")
        SplitTests.Split(chunkRecords: 64, commitBytes: 1).apply(to: &options)
        let copies = try await copyWhileFolding(fixture, &options) { pipeline in
            try await pipeline.status().committed.recordCount
        }
        try await expectSameEnd(fixture, options, copies)
    }

    @Test func `a checkpoint in the middle of a chunk loses and repeats nothing`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var options = fixture.options(named: "killed")
        options.commitByteCount = 1 << 40
        // 32 records are applied at a time, of chunks that are far larger.
        options.batchMicroseconds = 0
        let copies = try await copyWhileFolding(fixture, &options) { pipeline in
            try await pipeline.checkpoint().recordCount
        }
        try await expectSameEnd(fixture, options, copies)
    }

    @Test func `a commit that fails stops the pipeline at the one before`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let expected = try await fixture.outcome(fixture.options)
        var options = fixture.options(named: "failing")
        SplitTests.Split(chunkRecords: 64, commitBytes: 1).apply(to: &options)
        try fixture.publishGeneration(in: options.stateDirectory)
        // The quarantine's disk breaks after a few writes; each time the process is started again.
        var stops: [Int64] = []
        while true {
            let disk = BreakingDisk(quarantineWrites: 6)
            let host = Host(disk: disk, clock: RealClock(), randomness: RealRandomness())
            let running = try await fixture.open(options, host: host)
            do {
                try await running.catchUp(to: fixture.log.records.count)
                try await running.drain()
                break
            } catch is PipelineError {
                let status = try await running.pipeline.status()
                #expect(status.degraded.contains { $0.contains("stopped") })
                #expect(status.counters.isBalanced)
                stops.append(status.committed.recordCount)
            }
        }
        #expect(stops.count > 3 && stops == stops.sorted(), "\(stops)")
        let outcome = try await fixture.outcome(options)
        #expect(outcome.differences(from: expected).prefix(5) == [])
        try expectQuarantine(options, expected: try expected.stored.counters())
    }

    @Test func `a log that grows while it is read, in many lives, is the log read at once`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, seed: 5, count: 900)
        // Its own log, in another place: identities of files are part of a cursor.
        var options = fixture.options(named: "growing")
        options.logDirectory = directory.path + "/growing-log"
        try RealDisk().makeDirectory(options.logDirectory)
        let writer = try SegmentWriter(
            host: .real, directory: options.logDirectory,
            options: SegmentWriter.Options(segmentDecodedByteCount: 30_000))
        var written = 0
        for life in 0..<5 {
            let running = try await fixture.open(options)
            for _ in 0..<4 {
                for record in fixture.log.records.dropFirst(written).prefix(45) {
                    try writer.append(record)
                    written += 1
                }
                try writer.flush()
                try await running.catchUp(to: written)
            }
            #expect(written == min(fixture.log.records.count, 180 * (life + 1)))
            try await running.drain()
        }
        try writer.close()
        let grown = try await fixture.outcome(options)
        let expected = try await fixture.outcome(fixture.options)
        // But for what names a segment: the cursor, and the places of the refused records.
        let differences = grown.differences(from: expected)
        let places = differences.filter { $0.hasPrefix("refused ") }
        #expect(differences.filter { !places.contains($0) } == ["meta cursor", "meta segment"])
        #expect(grown.stored.count(of: "refused") == expected.stored.count(of: "refused"))
    }

    /// Runs a pipeline over a log of its own that grows in pieces, and copies what is durable as
    /// soon as a piece begins to be committed, while the rest of it is folded.
    ///
    /// Returns the offsets of the copies, `copy-0` and so on.
    private func copyWhileFolding(
        _ fixture: PipelineFixture, _ options: inout PipelineOptions,
        committed: (LivePipeline) async throws -> Int64
    ) async throws -> [Int64] {
        options.logDirectory = fixture.root + "/growing-log"
        let writer = try SegmentWriter(
            host: .real, directory: options.logDirectory,
            options: SegmentWriter.Options(segmentDecodedByteCount: 110_000))
        let running = try await fixture.open(options)
        var copies: [Int64] = []
        var written = 0
        while written < fixture.log.records.count {
            for record in fixture.log.records.dropFirst(written).prefix(500) {
                try writer.append(record)
            }
            let start = Int64(written)
            written = min(written + 500, fixture.log.records.count)
            try writer.flush()
            var offset = try await committed(running.pipeline)
            while offset <= start {
                try await Task.sleep(for: .microseconds(50))
                offset = try await committed(running.pipeline)
            }
            try copyDurable(options.stateDirectory, to: "\(fixture.root)/copy-\(copies.count)")
            copies.append(offset)
            try await running.catchUp(to: written)
        }
        try writer.close()
        try await running.drain()
        return copies
    }

    /// Each copy, reopened, ends where an undisturbed pipeline and the copied one do.
    private func expectSameEnd(
        _ fixture: PipelineFixture, _ options: PipelineOptions, _ copies: [Int64]
    ) async throws {
        var plain = fixture.options(named: "undisturbed")
        plain.logDirectory = options.logDirectory
        let expected = try await fixture.outcome(plain)
        #expect(
            try StoredState(options.stateDirectory + "/generations/1/state.sqlite")
                .differences(from: expected.stored) == [])
        for (index, offset) in copies.enumerated() {
            plain = fixture.options(named: "copy-\(index)")
            plain.logDirectory = options.logDirectory
            plain.stepping = index.isMultiple(of: 2) ? .lazy : .resident
            let outcome = try await fixture.outcome(plain)
            let differences = outcome.differences(from: expected)
            #expect(differences.isEmpty, "from \(offset): \(differences.prefix(5))")
            #expect(try outcome.stored.counters() == expected.stored.counters())
            try expectQuarantine(plain, expected: try expected.stored.counters())
        }
    }

    /// The store holds each refused record once, and its reason.
    private func expectQuarantine(
        _ options: PipelineOptions, expected counters: RecordCounters
    ) throws {
        let store = try QuarantineStore(
            host: .real, directory: options.stateDirectory + "/quarantine")
        #expect(Int64(store.count) == counters.quarantined)
        let entries = try store.list(limit: 10_000)
        #expect(Set(entries.map(\.key)).count == entries.count)
        let reasons = Set(entries.map { $0.reason.prefix { $0 != ":" } })
        #expect(reasons.count > 3 && reasons.contains("too_far_ahead"), "\(reasons)")
        #expect(entries.allSatisfy { !$0.bytes.isEmpty })
    }
}

/// Copies what a kill would leave: databases as of their last transactions, files as they are.
func copyDurable(_ source: String, to target: String) throws {
    let disk = RealDisk()
    try disk.makeDirectory(target)
    for name in try disk.names(in: source) {
        let (from, to) = (source + "/" + name, target + "/" + name)
        let kind = try disk.status(from)?.kind
        if kind == .directory {
            try copyDurable(from, to: to)
        } else if kind == .link {
            try FileManager.default.copyItem(atPath: from, toPath: to)
        } else if name.hasSuffix(".sqlite") {
            // Read first, so that the quarantine copied later is not behind it.
            // One that is being opened is locked for a moment.
            var settings = Configuration()
            settings.busyMode = .timeout(10)
            try DatabaseQueue(path: from, configuration: settings)
                .backup(to: DatabaseQueue(path: to))
        } else if !name.contains(".sqlite") {
            let bytes = try disk.bytes(of: from, limit: 64 << 20)
            try disk.open(to, .create).write(bytes, at: 0)
        }
    }
}

/// The real disk, but for writes below `quarantine/`, which fail after some.
private final class BreakingDisk: WrappingDisk {
    let real = RealDisk()
    private let remaining: Atomic<Int>

    init(quarantineWrites: Int) { remaining = Atomic(quarantineWrites) }

    func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> any DiskFile {
        let file = try real.open(path, mode)
        guard path.contains("/quarantine/") else { return file }
        return BreakingFile(file: file, disk: self)
    }

    func countDown() throws(StorageError) {
        if remaining.subtract(1, ordering: .relaxed).newValue < 0 {
            throw .failed(operation: "write", path: "quarantine", errno: 5, reason: "broken")
        }
    }

    func watch(_ directory: String) -> any DirectoryWatch { real.watch(directory) }
}

private final class BreakingFile: DiskFile {
    private let file: any DiskFile
    private let disk: BreakingDisk

    init(file: any DiskFile, disk: BreakingDisk) {
        self.file = file
        self.disk = disk
    }

    func status() throws(StorageError) -> FileStatus { try file.status() }
    func read(
        _ count: Int, at position: Int64, into buffer: inout [UInt8]
    ) throws(StorageError) -> Int {
        try file.read(count, at: position, into: &buffer)
    }
    func write(_ bytes: Span<UInt8>, at position: Int64) throws(StorageError) {
        try disk.countDown()
        try file.write(bytes, at: position)
    }
    func truncate(to byteCount: Int64) throws(StorageError) { try file.truncate(to: byteCount) }
    func sync() throws(StorageError) { try file.sync() }
    func lock() throws(StorageError) -> Bool { try file.lock() }
}
