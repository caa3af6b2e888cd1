import EventLog
import Storage
import TestSupport
import Testing

@Suite struct SegmentWriterTests {
    private func writer(
        _ log: TestLog, _ options: SegmentWriter.Options = SegmentWriter.Options()
    )
        throws -> SegmentWriter
    {
        try SegmentWriter(host: log.host, directory: TestLog.directory, options: options)
    }

    private func append(_ text: String, to writer: SegmentWriter) throws {
        for line in expected(text) { try writer.append(Array(line.utf8)) }
    }

    @Test func `what is flushed is readable at once, what is not is not`() throws {
        let log = try TestLog()
        let writer = try writer(log)
        let reader = try log.reader()
        try append(lines(0..<3), to: writer)
        #expect(try drain(reader).isEmpty)
        try writer.flush()
        #expect(try drain(reader).map(\.text) == expected(lines(0..<3)))
        try append(lines(3..<5), to: writer)
        try writer.close()
        #expect(try drain(reader).map(\.text) == expected(lines(3..<5)))
    }

    @Test func `rolls by decoded size, by compressed size and by age, losing nothing`() throws {
        let text = lines(0..<2000, padding: 60)
        let bounds = [
            SegmentWriter.Options(segmentDecodedByteCount: 20_000),
            SegmentWriter.Options(segmentByteCount: 5000, frameByteCount: 2000),
            SegmentWriter.Options(segmentSeconds: 20),
        ]
        for options in bounds {
            let log = try TestLog()
            let writer = try writer(log, options)
            for line in expected(text) {
                try writer.append(Array(line.utf8))
                log.clock.advance(seconds: 0.1)
            }
            try writer.close()
            let names = try log.disk.names(in: TestLog.directory)
            let sequences = names.compactMap(SegmentName.sequence)
            #expect(sequences.count >= 6 && sequences == Array(0..<Int64(sequences.count)))
            #expect(try log.readAll().map(\.text) == expected(text))
        }
    }

    @Test func `an idle segment rolls when it is asked to`() throws {
        let log = try TestLog()
        let writer = try writer(log, SegmentWriter.Options(segmentSeconds: 20))
        try append(lines(0..<3), to: writer)
        try writer.rollIfOld()
        #expect(writer.sequence == 0)
        log.clock.advance(seconds: 20)
        try writer.rollIfOld()
        #expect(writer.sequence == 1)
        #expect(try log.readAll().count == 3)
    }

    @Test func `gives the same bytes for the same calls`() throws {
        let logs = try [TestLog(), TestLog()]
        for log in logs {
            let writer = try writer(log, SegmentWriter.Options(segmentDecodedByteCount: 30_000))
            try append(lines(0..<900, padding: 50), to: writer)
            try writer.flush()
            try append(lines(900..<1000), to: writer)
            try writer.close()
        }
        let contents = logs.map { $0.disk.contents() }
        #expect(contents[0].map(\.path) == contents[1].map(\.path))
        #expect(contents[0].map(\.bytes) == contents[1].map(\.bytes))
    }

    @Test func `refuses a directory that another writer holds, until it lets go`() throws {
        let log = try TestLog()
        do {
            let holder = try writer(log)
            #expect(throws: EventLogError.writerPresent(directory: TestLog.directory)) {
                try writer(log)
            }
            try holder.close()
        }
        #expect(try writer(log).sequence == 0)
    }

    @Test func `refuses records that are no records, and writes on`() throws {
        let log = try TestLog()
        let writer = try writer(log, SegmentWriter.Options(recordByteCount: 10))
        #expect(throws: EventLogError.self) { try writer.append(Array("a\nb".utf8)) }
        #expect(throws: EventLogError.self) { try writer.append(Array("12345678901".utf8)) }
        try writer.append(Array("1234567890".utf8))
        try writer.close()
        #expect(try log.readAll().map(\.text) == ["1234567890"])
        #expect(throws: EventLogError.writerClosed(directory: TestLog.directory)) {
            try writer.append([0x31])
        }
    }

    @Test(arguments: 0..<40)
    func `a crash loses nothing that was synced, and the next writer starts anew`(
        seed: UInt64
    )
        throws
    {
        let log = try TestLog()
        try log.disk.syncDirectory("/")
        var options = SegmentWriter.Options(segmentDecodedByteCount: 900)
        options.frameByteCount = 300
        var random = SeededRandom(seed: seed, stream: 5)
        var next = 0
        var synced = 0
        var certain: [Int] = []
        for _ in 0..<4 {
            let writer = try writer(log, options)
            let first = next
            log.disk.inject(
                .powerLoss,
                at: log.disk.operationCount + Int.random(in: 1..<60, using: &random))
            do {
                while true {
                    try append(lines(next..<next + 1, padding: 40), to: writer)
                    next += 1
                    switch Int.random(in: 0..<8, using: &random) {
                    case 0:
                        try writer.sync()
                        synced = next
                    case 1: try writer.flush()
                    default: break
                    }
                }
            } catch EventLogError.storage {
                certain += first..<max(first, synced)
                next += 1
            }
            log.disk.crash(seed % 2 == 0 ? .nothing : .some(seed: seed))
        }
        let last = try writer(log, options)
        try append("{\"end\":1}\n", to: last)
        try last.close()
        log.settle()
        let read = try drain(log.reader())
        let found = read.filter { $0.damage == nil }.map(\.text)
        let all = expected(lines(0..<next, padding: 40))
        if seed % 2 == 0 { #expect(certain.allSatisfy { found.contains(all[$0]) }) }
        #expect(found.last == "{\"end\":1}")
        var rest = all[...]
        for text in found.dropLast() where text.hasSuffix("\"}") && text.hasPrefix("{\"client") {
            let index = rest.firstIndex(of: text)
            #expect(index != nil, "doubled or invented: \(text)")
            rest = rest[((index ?? rest.startIndex) + 1)...]
        }
    }
}
