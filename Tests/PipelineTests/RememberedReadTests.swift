import EventLog
import Events
import Pipeline
import Storage
import TestSupport
import Testing

/// A profile that is remembered is the one that would be made (DESIGN §1, invariant 5).
@Suite(.serialized, .timeLimit(.minutes(5)))
struct RememberedReadTests {
    /// Reads everybody at two times, over and over while the log grows; all bits, in order.
    private func reads(
        _ fixture: PipelineFixture, name: String, change: (inout PipelineOptions) -> Void
    ) async throws -> [[[UInt32]]] {
        var options = fixture.options(named: name)
        change(&options)
        options.logDirectory = "\(fixture.root)/log-of-\(name)"
        let writer = try SegmentWriter(host: .real, directory: options.logDirectory)
        let running = try await fixture.open(options)
        var all: [[[UInt32]]] = []
        var written = 0
        while written < fixture.log.records.count {
            for record in fixture.log.records.dropFirst(written).prefix(60) {
                try writer.append(record)
                written += 1
            }
            try writer.flush()
            try await running.catchUp(to: written)
            // Twice, so that the second is a remembered one where anything is remembered.
            for asOf in [nil, nil, ShopLog.start + 90 * 86_400] {
                all.append(try await running.profiles(of: fixture.log.users, asOf: asOf))
            }
        }
        try writer.close()
        try await running.drain()
        return all
    }

    @Test func `is the same bytes as one that is made anew, whoever has changed since`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 1200)
        let made = try await reads(fixture, name: "made") { $0.profileCacheCount = 0 }
        #expect(made.count == 60)
        // The log moves on, and so do the profiles; `as_of` changes them too.
        #expect(Set(made).count > 35)
        // One place for everybody, a few, and more than there are users.
        for count in [1, 7, 1024] {
            let remembered = try await reads(fixture, name: "kept-\(count)") {
                $0.profileCacheCount = count
            }
            #expect(remembered == made, "\(count) places")
        }
    }

    @Test func `is not taken for a user's who left memory and came back`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 1200)
        let made = try await reads(fixture, name: "made") { $0.profileCacheCount = 0 }
        let remembered = try await reads(fixture, name: "evicting") { options in
            SplitTests.Split(chunkRecords: 20, commitBytes: 1, residentBytes: 1)
                .apply(to: &options)
        }
        #expect(remembered == made)
    }

    @Test func `is remembered of a user who is away, too`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 1200)
        var options = fixture.options
        SplitTests.Split(chunkRecords: 20, commitBytes: 1, residentBytes: 1).apply(to: &options)
        let running = try await fixture.open(options)
        try await running.catchUp(to: fixture.log.records.count)
        _ = try await running.pipeline.checkpoint()
        let before = try await running.pipeline.status()
        #expect(before.residentUsers < before.users)
        for user in fixture.log.users {
            let first = try await running.profiles(of: [user])
            let steps = try await running.pipeline.status().encoderSteps
            #expect(try await running.profiles(of: [user]) == first)
            #expect(try await running.pipeline.status().encoderSteps == steps)
        }
        let after = try await running.pipeline.status()
        #expect(after.encoderSteps > before.encoderSteps, "those who are away were stepped once")
        try await running.drain()
    }

    /// Others have their turn between the users of a batch, and the log goes on; yet a batch is
    /// everybody as of one record.
    @Test(arguments: [0, 1024])
    func `is of one cursor while the log is folded between a batch's users`(
        remembered: Int
    )
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 1200)
        var options = fixture.options(named: "growing")
        options.profileCacheCount = remembered
        options.batchMicroseconds = 0
        options.logDirectory = "\(fixture.root)/log-of-growing"
        let writer = try SegmentWriter(host: .real, directory: options.logDirectory)
        let running = try await fixture.open(options)
        let asked = fixture.log.users + fixture.log.users.prefix(9)
        var replies: [LogOffset: [[UInt32]]] = [:]
        for start in stride(from: 0, to: fixture.log.records.count, by: 100) {
            for record in fixture.log.records[start...].prefix(100) { try writer.append(record) }
            try writer.flush()
            let end = LogOffset(min(start + 100, fixture.log.records.count))
            var offset: LogOffset
            repeat {
                async let others = running.pipeline.profiles(of: [asked[start % 40]], asOf: nil)
                let reply = try await running.pipeline.profiles(of: asked, asOf: nil)
                let bits = reply.rows.map { $0.values.map(\.bitPattern) }
                #expect(replies[reply.offset, default: bits] == bits)
                replies[reply.offset] = bits
                offset = reply.offset
                _ = try await others
            } while offset < end
        }
        try writer.close()
        try await running.drain()
        #expect(replies.count >= 12)
        for (offset, bits) in replies.sorted(by: { $0.key < $1.key }) {
            var whole = fixture.options(named: "up-to-\(offset)-\(remembered)")
            whole.logDirectory = "\(fixture.root)/log-up-to-\(offset)-\(remembered)"
            let writer = try SegmentWriter(host: .real, directory: whole.logDirectory)
            for record in fixture.log.records.prefix(Int(offset)) { try writer.append(record) }
            try writer.close()
            let still = try await fixture.open(whole)
            try await still.catchUp(to: Int(offset))
            #expect(try await still.profiles(of: asked) == bits, "up to \(offset)")
            try await still.drain()
        }
    }
}
