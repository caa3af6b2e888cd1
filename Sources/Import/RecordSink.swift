import EventLog

/// Where records go: a log, or a test's array.
package protocol RecordSink {
    /// Takes one record, without a newline.
    mutating func append(_ record: [UInt8]) throws(ImportError)
    /// Makes all that was taken durable.
    mutating func finish() throws(ImportError)
}

/// A log: its writer's lock also guards the dictionary and the rejects that lie beside it.
package struct LogSink: RecordSink {
    private let writer: SegmentWriter

    /// Writes through `writer`, which is closed at the end.
    package init(_ writer: SegmentWriter) { self.writer = writer }

    /// Appends a record to the log; a follower sees it when its frame ends.
    package mutating func append(_ record: [UInt8]) throws(ImportError) {
        do throws(EventLogError) { try writer.append(record) } catch { throw .log(error) }
    }

    /// Ends the segment and makes it durable.
    package mutating func finish() throws(ImportError) {
        do throws(EventLogError) { try writer.close() } catch { throw .log(error) }
    }
}
