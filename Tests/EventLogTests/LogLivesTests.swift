import EventLog
import Storage
import TestSupport
import Testing

/// What may happen to a log's files while it is read, and what the reader does.
@Suite struct LogLivesTests {
    let log: TestLog
    let first = lines(0..<10)
    let second = lines(10..<20)

    init() throws { log = try TestLog() }

    private func texts(_ reader: LogReader) throws -> [String] {
        try drain(reader).map(\.text)
    }

    @Test func `waits at a half-written tail until it is whole`() throws {
        let bytes = try frame(first)
        try log.write(Array(bytes.dropLast(20)), to: 0)
        let reader = try log.reader()
        #expect(try texts(reader).isEmpty)
        log.settle()
        #expect(try texts(reader).isEmpty)
        #expect(reader.notices.isEmpty && reader.isAtEnd && reader.lag() == 0)
        try log.write(bytes, to: 0)
        #expect(try texts(reader) == expected(first))
    }

    @Test func `gives a sealed segment's writer the grace time to finish`() throws {
        let bytes = try frame(first)
        try log.write(Array(bytes.dropLast(20)), to: 0)
        let reader = try log.reader()
        try log.write(frame(second), to: 1)
        #expect(try texts(reader).isEmpty)
        log.clock.advance(seconds: 1)
        #expect(try texts(reader).isEmpty)
        try log.write(bytes, to: 0)
        log.clock.advance(seconds: 1.5)
        #expect(try texts(reader) == expected(first))
        log.clock.advance(seconds: 2)
        #expect(try texts(reader) == expected(second))
    }

    @Test func `a segment that grows after it was sealed is named`() throws {
        try log.write(frame(first), to: 0)
        try log.write(frame(second), to: 1)
        log.settle()
        let reader = try log.reader()
        #expect(try texts(reader) == expected(first + second))
        let late = try frame(lines(20..<30))
        try log.append(late, to: 0)
        #expect(try texts(reader).isEmpty)
        let size = try Int64(frame(first).count + late.count)
        #expect(reader.notices == [.grewAfterSealing(segment: 0, byteCount: size)])
    }

    @Test func `goes on at once after the mark that a writer seals with`() throws {
        try log.write(frame(first) + SegmentWriter.sealMark, to: 0)
        try log.write(frame(second), to: 1)
        #expect(try log.readAll().map(\.text) == expected(first + second))
    }

    @Test func `names a gap after the grace time and goes on`() throws {
        try log.write(frame(first) + SegmentWriter.sealMark, to: 4)
        try log.write(frame(second), to: 7)
        let reader = try log.reader()
        #expect(try texts(reader) == expected(first))
        #expect(reader.notices.isEmpty && !reader.isAtEnd)
        log.clock.advance(seconds: 3)
        #expect(try texts(reader) == expected(second))
        #expect(reader.notices == [.gap(after: 4, next: 7)])
    }

    @Test func `a late segment closes its gap before the grace time`() throws {
        try log.write(frame(first) + SegmentWriter.sealMark, to: 0)
        try log.write(frame(lines(30..<40)), to: 2)
        let reader = try log.reader()
        #expect(try texts(reader) == expected(first))
        try log.write(frame(second) + SegmentWriter.sealMark, to: 1)
        #expect(try texts(reader) == expected(second + lines(30..<40)))
        #expect(reader.notices.isEmpty)
    }

    @Test func `segments below the cursor may go at any time`() throws {
        try log.write(frame(first) + SegmentWriter.sealMark, to: 0)
        try log.write(frame(second), to: 1)
        let reader = try log.reader()
        #expect(try drain(reader).count == 20)
        try log.disk.remove(log.path(0))
        try log.append(frame(lines(20..<30)), to: 1)
        #expect(try texts(reader) == expected(lines(20..<30)))
        #expect(try log.readAll(from: reader.cursor).isEmpty)
        #expect(reader.notices.isEmpty)
    }

    @Test func `a segment cut in place is named, and only what is new is read`() throws {
        let head = try frame(first)
        try log.write(head + frame(second), to: 0)
        let reader = try log.reader()
        #expect(try drain(reader).count == 20)
        let cursor = reader.cursor
        let file = try log.disk.open(log.path(0), .update)
        try file.truncate(to: Int64(head.count + 5))
        #expect(try texts(reader).isEmpty)
        let size = Int64(head.count + 5)
        #expect(reader.notices.count == 1)
        guard case .truncated(0, _, size)? = reader.notices.first else {
            Issue.record("\(reader.notices)")
            return
        }
        let later = try log.reader(at: cursor)
        #expect(try texts(later).isEmpty)
        #expect(later.notices.count == 1)
        try log.append(frame(lines(20..<30)), to: 0)
        #expect(try texts(reader).suffix(10) == expected(lines(20..<30))[...])
        #expect(try texts(later).suffix(10) == expected(lines(20..<30))[...])
    }

    @Test func `another content under the same name is read from its start`() throws {
        try log.write(frame(first), to: 0)
        let reader = try log.reader()
        #expect(try drain(reader).count == 10)
        let cursor = reader.cursor
        try log.disk.remove(log.path(0))
        try log.write(frame(second), to: 0)
        #expect(try texts(reader) == expected(second))
        let resumed = try log.reader(at: cursor)
        #expect(try texts(resumed) == expected(second))
        for notices in [reader.notices, resumed.notices] {
            #expect(notices == [.replaced(segment: 0, inodeReused: false)])
        }
        #expect(reader.cursor.recordCount == 20)
    }

    @Test func `a file rewritten in its inode is noticed by its head`() throws {
        try log.write(frame(first), to: 0)
        let reader = try log.reader()
        #expect(try drain(reader).count == 10)
        let cursor = reader.cursor
        try log.write(frame(lines(50..<90)), to: 0)
        #expect(try texts(reader) == expected(lines(50..<90)))
        #expect(reader.notices == [.replaced(segment: 0, inodeReused: true)])
        let resumed = try log.reader(at: cursor)
        #expect(try texts(resumed) == expected(lines(50..<90)))
        #expect(resumed.notices == [.replaced(segment: 0, inodeReused: true)])
    }

    @Test func `a copy with the same beginning is read on from the cursor`() throws {
        let bytes = try frame(first)
        try log.write(bytes, to: 0)
        let reader = try log.reader()
        #expect(try drain(reader).count == 10)
        try log.disk.remove(log.path(0))
        try log.write(bytes + frame(second), to: 0)
        #expect(try texts(reader) == expected(second))
        #expect(reader.notices == [.moved(segment: 0)])
    }

    @Test func `a segment renamed upwards is read on under its new number`() throws {
        try log.write(frame(first), to: 0)
        let reader = try log.reader()
        #expect(try drain(reader).count == 10)
        let cursor = reader.cursor
        try log.disk.rename(log.path(0), to: log.path(1))
        try log.append(frame(second), to: 1)
        #expect(try texts(reader) == expected(second))
        #expect(reader.notices == [.renamed(segment: 0, newSegment: 1)])
        let resumed = try log.reader(at: cursor)
        #expect(try texts(resumed) == expected(second))
        #expect(resumed.notices == [.renamed(segment: 0, newSegment: 1)])
    }

    @Test func `an open segment that vanishes is read to its end, a cursor's is skipped`() throws {
        let text = lines(0..<5000)
        try log.write(frame(text), to: 0)
        let reader = try log.reader(options: LogReaderOptions(chunkRecordCount: 100))
        let chunk = try #require(try reader.next())
        try log.disk.remove(log.path(0))
        try log.write(frame(second), to: 1)
        #expect(try drain(reader).count == 4900 + 10)
        #expect(reader.notices.isEmpty)
        let resumed = try log.reader(at: chunk.cursor(after: 99))
        #expect(try texts(resumed) == expected(second))
        #expect(resumed.notices == [.vanished(segment: 0)])
    }

    @Test func `a log that begins again below the cursor is waited out, and said`() throws {
        try log.write(frame(first), to: 5)
        let cursor = try #require(try log.reader().next()).cursor(after: 9)
        try log.disk.remove(log.path(5))
        try log.write(frame(second), to: 0)
        let reader = try log.reader(at: cursor)
        for _ in 0..<2 {
            #expect(try texts(reader).isEmpty)
            #expect(reader.obstacle == .awaited(segment: 5, path: TestLog.directory))
            #expect(reader.notices.isEmpty)
            log.settle()
        }
        try log.write(frame(lines(20..<30)), to: 6)
        #expect(try texts(reader) == expected(lines(20..<30)))
        #expect(reader.notices == [.vanished(segment: 5)] && reader.obstacle == nil)
    }

    @Test func `an obstacle lasts as long as its cause, and is no notice`() throws {
        let reader = try log.reader()
        #expect(try reader.next() == nil && reader.obstacle == nil)
        log.settle()
        for _ in 0..<5 {
            // The first number is looked for by its name, then the directory is listed: each time,
            // though a listing that succeeds is due once a second only.
            log.disk.inject(.error(13), at: log.disk.operationCount + 1)
            #expect(try reader.next() == nil)
            #expect(reader.obstacle?.description.contains("opendir") == true)
            log.disk.removeFaults()
        }
        try log.write(frame(first), to: 0)
        #expect(try texts(reader) == expected(first))
        #expect(reader.obstacle == nil && reader.notices.isEmpty)
    }

    @Test func `what cannot be read now is an obstacle, and nothing is lost by it`() throws {
        try log.write(frame(first) + frame(second), to: 0)
        let whole = try log.readAll()
        let before = log.disk.operationCount
        _ = try log.readAll()
        let operations = log.disk.operationCount - before
        for operation in 0..<operations {
            let options = LogReaderOptions(chunkRecordCount: 7)
            let reader = try log.reader(options: options)
            log.disk.inject(.error(13), at: log.disk.operationCount + operation)
            var read = try drain(reader)
            #expect(reader.notices.isEmpty)
            read += try drain(reader)
            #expect(read == whole, "operation \(operation)")
            #expect(reader.obstacle == nil)
            log.disk.removeFaults()
        }
    }
}
