import EventLog
import Events
import Foundation
import Pipeline
import Refresh
import Snapshots
import Storage
import TestSupport
import Testing

/// Generations made of a shop's log, and a pipeline on a log that grows.
extension PipelineFixture {
    /// Publishes a space and a generation of untrained weights; its id.
    @discardableResult
    func refresh(_ stateDirectory: String, seed: UInt64) throws -> Int64 {
        var refresh = RefreshOptions(
            logDirectory: root + "/log", stateDirectory: stateDirectory, seed: seed)
        refresh.fold = options.fold
        refresh.clock = options.clock
        return try UntrainedRefresh(host: .real, options: refresh) { _ in }.run().generation
    }

    /// Publishes another generation of the same space and the same files; its id.
    @discardableResult
    func copyGeneration(
        _ id: Int64, in stateDirectory: String, refusals: [String]? = nil
    ) throws -> Int64 {
        let store = GenerationStore(stateDirectory: stateDirectory, on: .real)
        let found = try store.verifyGeneration(id)
        var manifest = found.manifest
        manifest.id = try store.nextGenerationID()
        manifest.refusals = refusals
        let disk = RealDisk()
        return try store.publishGeneration(manifest) { directory in
            for name in found.manifest.files.keys.sorted() {
                let target = directory + "/" + name
                if let parent = target.parentPath { try disk.makeDirectory(parent) }
                let bytes = try disk.bytes(of: found.path + "/" + name, limit: 64 << 20)
                try disk.open(target, .create).write(bytes, at: 0)
            }
        }.manifest.id
    }

    /// A state directory that holds one generation and no state.
    func alone(_ id: Int64, of stateDirectory: String) throws -> PipelineOptions {
        let options = options(named: "alone-\(id)")
        let store = GenerationStore(stateDirectory: stateDirectory, on: .real)
        let space = try store.verifyGeneration(id).manifest.space
        for path in ["spaces/\(space)", "generations/\(id)"] {
            try copyDurable("\(stateDirectory)/\(path)", to: "\(options.stateDirectory)/\(path)")
        }
        return options
    }

    /// Runs `body` on a pipeline and drains it; it is gone, and its lock with it, on return.
    func life<Result>(
        _ options: PipelineOptions, _ body: (RunningPipeline) async throws -> Result
    ) async throws -> Result {
        let running = try await open(options)
        let result = try await body(running)
        try await running.drain()
        return result
    }

    /// Options of a daemon that looks for generations all the time.
    func watchful(_ name: String, overlapDays: Int64 = 0) -> PipelineOptions {
        var options = options(named: name)
        options.logDirectory = root + "/growing-log"
        options.generationLookMilliseconds = 0
        options.spaceOverlapDays = overlapDays
        return options
    }
}

/// The fixture's log, written record by record.
final class GrowingLog {
    let records: [[UInt8]]
    private let writer: SegmentWriter
    private(set) var written = 0

    init(_ fixture: PipelineFixture, directory: String) throws {
        records = fixture.log.records
        try RealDisk().makeDirectory(directory)
        writer = try SegmentWriter(
            host: .real, directory: directory,
            options: SegmentWriter.Options(segmentDecodedByteCount: 110_000))
    }

    /// Writes the next records.
    func grow(by count: Int) throws {
        for record in records.dropFirst(written).prefix(count) { try writer.append(record) }
        written = min(records.count, written + count)
        try writer.flush()
    }

    /// Writes up to that many records.
    func grow(to count: Int) throws { if count > written { try grow(by: count - written) } }

    func close() throws { try writer.close() }
}

extension RunningPipeline {
    /// Returns when the generation answers.
    func untilActive(_ id: Int64) async throws {
        try await until("generation \(id) is active") { $0.generation == id }
    }

    /// Returns when the status is as wanted; fails when it never is.
    func until(_ what: String, _ condition: (StatusReport) -> Bool) async throws {
        for _ in 0..<30_000 {
            let status = try await pipeline.status()
            if condition(status) { return }
            if status.state == "stopped" { return try await task.value }
            // Between two looks; the machine may have more to do than to answer this.
            try await Task.sleep(for: .milliseconds(1))
        }
        Issue.record("waited too long until \(what): \(try await pipeline.status())")
    }

    /// Returns after the daemon has looked at its directory some times more.
    func untilLooked() async throws {
        for _ in 0..<20 {
            let before = try await pipeline.status()
            _ = try await pipeline.spaces()
            _ = before
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}

/// Moves a directory away and back, as publishing does: in one step.
func move(_ path: String, to target: String) throws {
    try RealDisk().rename(path, to: target)
}

/// What a reply said, without what differs between two asks at one place.
struct Answer: Equatable {
    var generation: Int64
    var offset: Int64
    var asOf: Int64?
    var values: [[UInt32]]

    init(_ reply: ProfileReply) {
        generation = reply.generation
        offset = reply.offset
        asOf = reply.asOf
        values = reply.rows.map { $0.values.map(\.bitPattern) }
    }
}
