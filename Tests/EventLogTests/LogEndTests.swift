import EventLog
import Storage
import TestSupport
import Testing

@Suite struct LogEndTests {
    /// A chunk of that many records.
    private func chunk(_ segment: Int64, from first: LogOffset, count: Int) -> LogChunk {
        LogChunk(
            bytes: [],
            entries: (0..<count).map {
                LogChunk.Entry(start: 0, byteCount: 0, framePosition: 0, decodedEnd: Int64($0))
            }, segment: segment, identity: FileIdentity(device: 0, inode: 0, headHash: 0),
            firstOffset: first)
    }

    /// Entries that are left of each chunk, and whether the end was reached with it.
    private func cut(_ end: LogEnd, _ chunks: [LogChunk]) -> [String] {
        var end = end
        return chunks.map { chunk in
            var chunk = chunk
            end.cut(&chunk)
            return "\(chunk.entries.count) \(end.isReached)"
        }
    }

    @Test func `lets through what stands before it, whatever the chunks`() {
        let end = LogEnd(RecordPlace(segment: 2, recordIndex: 5))
        #expect(!end.isReached)
        let whole = [chunk(1, from: 0, count: 7), chunk(2, from: 7, count: 9)]
        #expect(cut(end, whole) == ["7 false", "5 true"])
        let small = [
            chunk(1, from: 0, count: 7), chunk(2, from: 7, count: 3), chunk(2, from: 10, count: 2),
            chunk(2, from: 12, count: 4), chunk(3, from: 16, count: 4),
        ]
        #expect(cut(end, small) == ["7 false", "3 false", "2 true", "0 true", "0 true"])
    }

    @Test func `is passed when its segment is gone, or ended before it`() {
        let end = LogEnd(RecordPlace(segment: 2, recordIndex: 5))
        #expect(cut(end, [chunk(3, from: 0, count: 4)]) == ["0 true"])
        #expect(
            cut(end, [chunk(2, from: 0, count: 4), chunk(4, from: 4, count: 4)])
                == ["4 false", "0 true"])
    }

    @Test func `counts from where reading was resumed`() {
        let place = RecordPlace(segment: 2, recordIndex: 5)
        let before = LogEnd(place, standing: (segment: 2, segmentOffset: 7, next: 10))
        #expect(!before.isReached)
        #expect(cut(before, [chunk(2, from: 10, count: 9)]) == ["2 true"])
        #expect(LogEnd(place, standing: (segment: 2, segmentOffset: 7, next: 12)).isReached)
        #expect(LogEnd(place, standing: (segment: 3, segmentOffset: 20, next: 20)).isReached)
    }

    @Test func `a segment is the same file while it begins as it did`() throws {
        let host = Host.simulated(disk: MemoryDisk())
        let writer = try SegmentWriter(host: host, directory: "/log")
        for _ in 0..<200 { try writer.append(Array("some record".utf8)) }
        try writer.close()
        let reader = try LogReader(host: host, directory: "/log")
        let identity = try #require(try reader.next()).identity
        let segment = reader.cursor.segment
        #expect(identity.headHash != 0)
        #expect(try identity.isOf(segment: segment, in: "/log", on: host.disk))
        #expect(try !identity.isOf(segment: segment + 1, in: "/log", on: host.disk))
        let names = try host.disk.names(in: "/log").filter { $0.hasSuffix(".lz4") }
        let path = "/log/" + (try #require(names.first))
        try host.disk.open(path, .update).write([1, 2, 3], at: 8)
        #expect(try !identity.isOf(segment: segment, in: "/log", on: host.disk))
    }
}
