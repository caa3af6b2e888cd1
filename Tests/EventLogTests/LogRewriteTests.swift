import EventLog
import Storage
import TestSupport
import Testing

/// Files that are cut and written anew where little of them was read: what `make torture-log` found.
@Suite struct LogRewriteTests {
    let log: TestLog

    init() throws { log = try TestLog() }

    private func texts(_ reader: LogReader) throws -> [String] {
        try drain(reader).map(\.text)
    }

    @Test(arguments: [1, 5, 100])
    func `a shorter content in the same inode is read from its start`(count: Int) throws {
        // The reader holds a line without an end, too.
        try log.write(frame(lines(0..<200, padding: 40) + "{\"half\":"), to: 0)
        let reader = try log.reader()
        #expect(try drain(reader).count == 200)
        let second = lines(500..<500 + count, padding: 40)
        try log.write(frame(second), to: 0)
        #expect(try texts(reader) == expected(second))
        #expect(reader.notices == [.replaced(segment: 0, inodeReused: true)])
    }

    @Test func `a file without a record yet is read anew when it is rewritten`() throws {
        let reader = try log.reader()
        try log.write(frame("") + frame("{\"half\":"), to: 0)
        #expect(try texts(reader).isEmpty)
        let text = lines(0..<20)
        try log.write(frame(text), to: 0)
        #expect(try texts(reader) == expected(text))
    }

    @Test(arguments: 1..<20)
    func `what was read ahead of a cut is forgotten`(readByteCount: Int) throws {
        let text = lines(0..<20)
        let bytes = try frame(text)
        for left in 0..<readByteCount {
            let log = try TestLog()
            let reader = try log.reader()
            try log.append(Array(bytes.prefix(readByteCount)), to: 0)
            #expect(try drain(reader).isEmpty)
            try log.disk.open(log.path(0), .update).truncate(to: Int64(left))
            #expect(try drain(reader).isEmpty)
            try log.append(bytes, to: 0)
            #expect(
                try drain(reader).filter { $0.damage == nil }.map(\.text) == expected(text),
                "\(readByteCount) bytes cut to \(left)")
        }
    }

    @Test func `a last line without an end survives a cut behind it`() throws {
        let kept = try frame("{\"a\":1}\n{\"b\":2}")
        try log.write(kept + frame(""), to: 0)
        let reader = try log.reader()
        #expect(try texts(reader) == ["{\"a\":1}"])
        try log.disk.open(log.path(0), .update).truncate(to: Int64(kept.count + 3))
        #expect(try texts(reader).isEmpty)
        try log.write([], to: 1)
        log.settle()
        #expect(try texts(reader).first == "{\"b\":2}")
        #expect(reader.notices.count == 1)
    }

    @Test func `an obstacle does not make a replaced file pass for the old one`() throws {
        try log.write(frame(lines(0..<20)), to: 0)
        let reader = try log.reader(options: LogReaderOptions(chunkRecordCount: 1))
        _ = try reader.next()
        log.disk.inject(.error(5), at: log.disk.operationCount)
        #expect(try reader.next() == nil && reader.obstacle != nil)
        // It opens the file again at the cursor, inside its first frame, and fails again.
        for operation in 1..<12 {
            log.disk.inject(.error(5), at: log.disk.operationCount + operation)
            _ = try reader.next()
            log.disk.removeFaults()
        }
        try log.disk.remove(log.path(0))
        try log.write(frame(lines(50..<90)), to: 0)
        #expect(try texts(reader).suffix(40) == expected(lines(50..<90))[...])
        #expect(reader.notices.contains(.replaced(segment: 0, inodeReused: false)))
    }

    @Test func `a cursor in a frame that was cut reads on with the next whole frame`() throws {
        let bytes = try frame(lines(0..<2000))
        try log.write(bytes, to: 0)
        let cursor = try #require(try log.reader().next()).cursor(after: 1999)
        let next = try frame(lines(3000..<3010))
        try log.disk.open(log.path(0), .update).truncate(to: Int64(bytes.count / 2))
        // The next frame is half there when the reader comes.
        try log.append(Array(next.prefix(9)), to: 0)
        let reader = try log.reader(at: cursor)
        #expect(try texts(reader).isEmpty)
        try log.append(Array(next.dropFirst(9)), to: 0)
        // The LZ4 block that was cut might still come; once the segment is sealed it will not.
        var read = try texts(reader)
        try log.write([], to: 1)
        log.settle()
        read += try texts(reader)
        #expect(read == expected(lines(3000..<3010)))
        #expect(reader.notices.count == 1)
        guard case .truncated(segment: 0, _, _)? = reader.notices.first else {
            Issue.record("\(reader.notices)")
            return
        }
    }

    @Test func `a segment deleted above the cursor is a gap, and no more`() throws {
        for sequence in 0..<3 as Range<Int64> {
            let text = lines(Int(sequence) * 10..<Int(sequence) * 10 + 10)
            try log.write(frame(text) + SegmentWriter.sealMark, to: sequence)
        }
        let reader = try log.reader(options: LogReaderOptions(chunkRecordCount: 5))
        #expect(try reader.next()?.entries.count == 5)
        try log.disk.remove(log.path(1))
        var read = try texts(reader)
        log.settle()
        read += try texts(reader)
        #expect(read == expected(lines(5..<10) + lines(20..<30)))
        #expect(reader.notices == [.gap(after: 0, next: 2)])
    }

    @Test func `the inode of a deleted segment under a new number is told by its head`() throws {
        try log.write(frame(lines(0..<10)), to: 0)
        let cursor = try #require(try log.reader().next()).cursor(after: 9)
        // What a file system does that gives a freed inode to the next file.
        try log.disk.rename(log.path(0), to: log.path(1))
        try log.write(frame(lines(10..<50)), to: 1)
        let reader = try log.reader(at: cursor)
        #expect(try texts(reader) == expected(lines(10..<50)))
        #expect(reader.notices == [.vanished(segment: 0)])
    }

    @Test func `a directory that goes is said, and costs no call but the listing`() throws {
        try log.write(frame(lines(0..<10)), to: 0)
        let reader = try log.reader()
        #expect(try drain(reader).count == 10)
        try log.disk.rename(TestLog.directory, to: "/away")
        // Until the next listing is due, only the segment is known to be gone.
        #expect(try reader.next() == nil)
        #expect(reader.obstacle == .awaited(segment: 0, path: TestLog.directory))
        let before = log.disk.operationCount
        #expect(try reader.next() == nil)
        let idle = log.disk.operationCount - before
        log.settle()
        #expect(try reader.next() == nil)
        #expect(log.disk.operationCount - before == 2 * idle + 1)
        #expect(reader.obstacle == .directoryMissing(path: TestLog.directory))
        #expect(reader.isAtEnd)
        // Another one comes in its place, then it is back: the listing and the segment's name tell.
        try log.disk.makeDirectory(TestLog.directory)
        log.settle()
        #expect(try reader.next() == nil)
        #expect(reader.obstacle == .awaited(segment: 0, path: TestLog.directory))
        try log.disk.remove(TestLog.directory)
        log.settle()
        #expect(try reader.next() == nil && reader.obstacle != nil)
        try log.disk.rename("/away", to: TestLog.directory)
        #expect(try reader.next() == nil && reader.obstacle == nil)
        #expect(reader.notices.isEmpty)
    }

    @Test func `the cursor's segment that is gone is awaited, and read when it is back`() throws {
        try log.write(frame(lines(0..<10)), to: 3)
        let cursor = try #require(try log.reader().next()).cursor(after: 9)
        try log.disk.rename(log.path(3), to: "/kept")
        let reader = try log.reader(at: cursor)
        #expect(try texts(reader).isEmpty && !reader.isAtEnd)
        #expect(reader.obstacle == .awaited(segment: 3, path: TestLog.directory))
        try log.disk.rename("/kept", to: log.path(3))
        try log.append(frame(lines(10..<20)), to: 3)
        #expect(try texts(reader) == expected(lines(10..<20)))
        #expect(reader.obstacle == nil && reader.notices.isEmpty && reader.isAtEnd)
    }

    @Test func `a directory that is away for a while costs nothing`() throws {
        try log.write(frame(lines(0..<10)), to: 0)
        let reader = try log.reader()
        #expect(try drain(reader).count == 10)
        let cursor = reader.cursor
        try log.disk.rename(TestLog.directory, to: "/away")
        log.settle()
        let later = try log.reader(at: cursor)
        for one in [reader, later] {
            #expect(try texts(one).isEmpty)
            #expect(one.obstacle == .directoryMissing(path: TestLog.directory))
        }
        try log.disk.rename("/away", to: TestLog.directory)
        try log.append(frame(lines(10..<20)), to: 0)
        for one in [reader, later] {
            #expect(try texts(one) == expected(lines(10..<20)))
            #expect(one.obstacle == nil && one.notices.isEmpty)
        }
    }
}
