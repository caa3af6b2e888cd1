import EventLog
import Pipeline
import Storage
import TestSupport
import Testing

/// However a log was written and however it grew, its records are the same, so its snapshot is.
///
/// Equal must be: `client_ids.npy` and `embeddings.npy`, byte for byte, `as_of`, and what became of
/// the records. Not equal are the cursor, which names a file and a place in it, and, where blank
/// lines came in, the numbers of records and of blank lines.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct WrittenFormsTests {
    /// What a pipeline publishes of a log.
    private struct Published: Equatable {
        var clients: [UInt8]
        var embeddings: [UInt8]
        var asOf: Int64?
        /// Blank lines not counted.
        var counters: RecordCounters
    }

    private static func published(
        _ fixture: PipelineFixture, log: String, state: String, trickling: TricklingDisk? = nil
    ) async throws -> Published {
        var options = fixture.options(named: state)
        options.logDirectory = log
        // Looked at anew whenever something may have changed.
        options.reader.listMilliseconds = 0
        let disk: any Disk = trickling ?? RealDisk()
        let running = try await fixture.open(
            options, host: Host(disk: disk, clock: RealClock(), randomness: RealRandomness()))
        while trickling?.isWhole == false { try await Task.sleep(for: .milliseconds(1)) }
        var request = SnapshotRequest()
        request.waitForLagBytes = 0
        let report = try await running.pipeline.createSnapshot(request)
        let status = try await running.pipeline.status()
        try await running.drain()
        #expect(status.counters.isBalanced)
        #expect(status.lagBytes == 0 && status.lagEvents == 0)
        let said = status.degraded.filter { !$0.contains("no segment between") }
        #expect(said == [])
        var counters = status.counters
        counters.blank = 0
        let directory = "\(options.stateDirectory)/snapshots/\(report.version)"
        return Published(
            clients: try RealDisk().bytes(of: "\(directory)/client_ids.npy", limit: 1 << 24),
            embeddings: try RealDisk().bytes(of: "\(directory)/embeddings.npy", limit: 1 << 24),
            asOf: report.asOf, counters: counters)
    }

    /// Writes each form, has the `lz4` command say that it holds the records, and compares.
    private func expectEqual(_ forms: [WrittenForm], count: Int) async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: count)
        let records = fixture.log.records
        let expected = try await Self.published(
            fixture, log: fixture.options.logDirectory, state: "expected")
        #expect(expected.counters.applied > 300 && expected.embeddings.count > 2000)
        for (index, form) in forms.enumerated() {
            let log = "\(directory.path)/log-\(index)"
            try await form.write(records, log)
            let lines = try await WrittenForm.decoded(log).filter { $0 != 0x0D }
                .split(separator: 0x0A)
            #expect(lines.elementsEqual(records, by: { $0.elementsEqual($1) }), "\(form.name)")
            let found = try await Self.published(fixture, log: log, state: "state-\(index)")
            #expect(found == expected, "\(form.name)")
        }
    }

    @Test func `every form of a log gives the same snapshot`() async throws {
        #expect(Set(WrittenForm.all.map(\.name)).count >= 12)
        try await expectEqual(WrittenForm.all, count: 3000)
    }

    @Test func `so does every form that Python writes, where it can`() async throws {
        guard try await WrittenForm.hasPythonModule() else { return }
        try await expectEqual(WrittenForm.python, count: 1500)
    }

    @Test func `a log that lacks a few records gives another snapshot`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 600)
        let whole = try await Self.published(
            fixture, log: fixture.options.logDirectory, state: "whole")
        let log = "\(directory.path)/shorter"
        try await WrittenForm.all[0].write(fixture.log.records.dropLast(5), log)
        let shorter = try await Self.published(fixture, log: log, state: "shorter")
        #expect(shorter.clients == whole.clients)
        #expect(shorter.embeddings != whole.embeddings)
    }

    @Test func `a log that comes byte by byte gives the same snapshot`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 400)
        let expected = try await Self.published(
            fixture, log: fixture.options.logDirectory, state: "expected")
        let cut = WrittenForm(name: "frames cut inside lines") { records, log in
            try RealDisk().makeDirectory(log)
            let bytes = try await WrittenForm.cutInsideLines(records, byteCount: 4_001)
            try RealDisk().open("\(log)/\(SegmentName.name(7))", .create).write(bytes, at: 0)
        }
        let forms = WrittenForm.oneFrame.prefix(2) + [cut, WrittenForm.ours[1]]
        for (index, form) in forms.enumerated() {
            let log = "\(directory.path)/log-\(index)"
            try await form.write(fixture.log.records, log)
            let disk = try TricklingDisk(log: log)
            let found = try await Self.published(
                fixture, log: log, state: "state-\(index)", trickling: disk)
            #expect(found == expected, "\(form.name), \(disk.byteCount) bytes")
            #expect(disk.byteCount > 5000 && disk.unseenCount == 0, "\(form.name)")
        }
    }
}
