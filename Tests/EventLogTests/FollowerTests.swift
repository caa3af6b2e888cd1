import EventLog
import Foundation
import Storage
import TestSupport
import Testing

/// Following on the real disk.
@Suite struct FollowerTests {
    @Test func `waits for what a writer adds, and reads it`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/log"
        let follower = try Follower(host: .real, directory: path)
        #expect(try follower.next(waitMilliseconds: 0) == nil)
        let writer = try SegmentWriter(host: .real, directory: path)
        var read: [String] = []
        for number in 0..<20 {
            for line in expected(lines(number..<number + 1)) {
                try writer.append(Array(line.utf8))
            }
            try writer.flush()
            let chunk = try #require(try follower.next(waitMilliseconds: 20_000))
            read += records(of: chunk).map(\.text)
        }
        #expect(read == expected(lines(0..<20)))
        let condition = follower.condition()
        #expect(condition.cursor.recordCount == 20 && condition.lagByteCount == 0)
        #expect(condition.notices.isEmpty && condition.obstacle == nil)
    }

    @Test(arguments: ["mkfifo", "mkdir"])
    func `what is no regular file is an obstacle until it is gone`(command: String) async throws {
        let directory = try TemporaryDirectory()
        let (first, second) = (expected(lines(0..<3)), expected(lines(3..<6)))
        try write(first, to: directory.path)
        let path = directory.path + "/" + SegmentName.name(1)
        _ = try await Child.run([command, path]).successful()
        let follower = try Follower(host: .real, directory: directory.path)
        #expect(try texts(follower) == first)
        for _ in 0..<3 {
            #expect(try texts(follower).isEmpty)
            let condition = follower.condition()
            #expect(condition.obstacle?.description.contains(path) == true)
            #expect(!condition.isAtEnd)
        }
        try RealDisk().remove(path)
        #expect(try texts(follower).isEmpty)
        #expect(follower.condition().obstacle == nil)
        try write(second, to: directory.path)
        #expect(try texts(follower) == second)
        #expect(follower.condition().obstacle == nil && follower.condition().isAtEnd)
    }

    /// Writes one sealed segment.
    private func write(_ records: [String], to directory: String) throws {
        let writer = try SegmentWriter(host: .real, directory: directory)
        for record in records { try writer.append(Array(record.utf8)) }
        try writer.close()
    }

    /// What can be read without waiting.
    private func texts(_ follower: Follower) throws -> [String] {
        var texts: [String] = []
        while let chunk = try follower.next(waitMilliseconds: 0) {
            texts += records(of: chunk).map(\.text)
        }
        return texts
    }

    @Test func `an inotify queue that overflows costs no record`() throws {
        let directory = try TemporaryDirectory()
        let limit = try #require(
            Int(
                try String(
                    contentsOfFile: "/proc/sys/fs/inotify/max_queued_events", encoding: .utf8
                ).trimmingCharacters(in: .whitespacesAndNewlines)))
        let follower = try Follower(host: .real, directory: directory.path)
        let writer = try SegmentWriter(host: .real, directory: directory.path)
        #expect(try follower.next(waitMilliseconds: 0) == nil)
        // Each name is created and removed: more events than the kernel keeps.
        for _ in 0..<min(limit, 100_000) / 2 + 100 {
            _ = try RealDisk().open(directory.path + "/other", .create)
            try RealDisk().remove(directory.path + "/other")
        }
        for number in 0..<2 {
            let line = expected(lines(number..<number + 1))
            try writer.append(Array(line[0].utf8))
            try writer.flush()
            let chunk = try #require(try follower.next(waitMilliseconds: 20_000))
            #expect(records(of: chunk).map(\.text) == line)
        }
        #expect(follower.condition().notices.isEmpty)
    }

    @Test func `where there is no inotify the directory is looked at, and that is said`() throws {
        let directory = try TemporaryDirectory()
        let host = Host(disk: UnwatchedDisk(), clock: RealClock(), randomness: RealRandomness())
        let follower = try Follower(host: host, directory: directory.path)
        let writer = try SegmentWriter(host: .real, directory: directory.path)
        #expect(try follower.next(waitMilliseconds: 300) == nil)
        for line in expected(lines(0..<3)) { try writer.append(Array(line.utf8)) }
        try writer.flush()
        let chunk = try #require(try follower.next(waitMilliseconds: 20_000))
        #expect(records(of: chunk).map(\.text) == expected(lines(0..<3)))
        let notices = follower.condition().notices
        #expect(notices.count == 1)
        #expect(notices.first?.description.contains("Too many open files") == true)
    }

    @Test func `a directory that appears later is watched from then on`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/later"
        let follower = try Follower(host: .real, directory: path)
        #expect(try follower.next(waitMilliseconds: 300) == nil)
        #expect(follower.condition().notices.isEmpty)
        let writer = try SegmentWriter(host: .real, directory: path)
        try writer.append(Array("{}".utf8))
        try writer.flush()
        #expect(try follower.next(waitMilliseconds: 20_000)?.entries.count == 1)
    }

    @Test func `is woken out of a long wait`() throws {
        let directory = try TemporaryDirectory()
        let follower = try Follower(host: .real, directory: directory.path)
        let thread = Thread { follower.wake() }
        thread.start()
        #expect(try follower.next(waitMilliseconds: 3_600_000) == nil)
    }

    @Test func `an idle follower of a thousand sealed segments asks for a few files at a time`()
        throws
    {
        let log = try TestLog()
        for sequence in 0..<1000 {
            try log.write(frame(lines(0..<2)) + SegmentWriter.sealMark, to: Int64(sequence))
        }
        let reader = try log.reader()
        #expect(try drain(reader).count == 2000)
        let before = log.disk.operationCount
        for _ in 0..<100 { #expect(try reader.next() == nil) }
        #expect(log.disk.operationCount - before <= 700)
        #expect(reader.lag() == 0)
    }

    @Test func `an idle wait costs hardly any processor time`() throws {
        let directory = try TemporaryDirectory()
        let writer = try SegmentWriter(
            host: .real, directory: directory.path,
            options: SegmentWriter.Options(segmentDecodedByteCount: 1))
        for line in expected(lines(0..<200)) { try writer.append(Array(line.utf8)) }
        try writer.close()
        let follower = try Follower(host: .real, directory: directory.path)
        while try follower.next(waitMilliseconds: 0) != nil {}
        // The thread's own clock: what other tests use at the same time does not enter it.
        func threadNanoseconds() throws -> Int {
            let text = try String(contentsOfFile: "/proc/thread-self/schedstat", encoding: .utf8)
            return try #require(text.split(separator: " ").first.flatMap { Int($0) })
        }
        let start = try threadNanoseconds()
        #expect(try follower.next(waitMilliseconds: 2000) == nil)
        let used = try threadNanoseconds() - start
        #expect(used < 10_000_000, "\(used) ns of 2 s is more than 0.5 %")
    }
}

/// The real disk on a machine that gives out no inotify instance.
private struct UnwatchedDisk: WrappingDisk {
    let real = RealDisk()

    func watch(_ directory: String) -> any DirectoryWatch {
        RealDirectoryWatch(path: directory) {
            errno = EMFILE
            return -1
        }
    }
}
