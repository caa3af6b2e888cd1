import EventLog
import Events
import Storage

/// How lines become records of a log.
package struct AppendOptions: Sendable {
    /// What checks a line; nil writes every line as it is.
    package var parser: RecordParser? = RecordParser()
    /// Stop at the first line that is refused.
    package var isStrict = false
    /// Longest time a record waits until a follower can read it, milliseconds.
    package var flushMilliseconds = 100
    /// Longest time a record waits until it is durable, milliseconds.
    package var syncMilliseconds = 1000
    /// How segments are written.
    package var writer = SegmentWriter.Options()

    package init() {}
}

/// What an append has done.
package struct AppendReport: Sendable, Equatable {
    /// Records written, those a follower can read, and those that a power failure leaves.
    package var recordCount: Int64 = 0
    package var readableCount: Int64 = 0
    package var durableCount: Int64 = 0
    /// Decoded bytes written, line feeds included.
    package var byteCount: Int64 = 0
    /// Segments begun, and the first and last one's numbers.
    package var segmentCount: Int64 = 0
    package var firstSegment: Int64?
    package var lastSegment: Int64?
    package var lineCount: Int64 = 0
    package var blankCount: Int64 = 0
    package var refusedCount: Int64 = 0
    /// Bytes of a line whose end had not come when a signal ended the input; they are not written.
    package var cutOffByteCount = 0
    /// Whether a signal ended it, or the first refused line.
    package var isStopped = false

    package init() {}
}

/// Why an append ended early; `report` says what stands in the log.
package struct AppendFailure: Error, CustomStringConvertible {
    /// What failed.
    package enum Cause: Sendable {
        case log(EventLogError)
        case input(StorageError)
    }

    package var cause: Cause
    package var report: AppendReport

    package var description: String {
        let text =
            switch cause {
            case .log(let error): "\(error)"
            case .input(let error): "\(error)"
            }
        return "\(text); of \(report.recordCount) records, \(report.readableCount) can be read and "
            + "\(report.durableCount) are durable; mend the cause, then send the others again"
    }
}

/// Newline-delimited JSON as it comes → a log that others follow (docs/event-log.md, "Writers").
///
/// A record that came alone is flushed after `flushMilliseconds`; many that come at once share
/// frames. When the time has come is decided by the waits for input, so nothing here sleeps.
package final class LogAppend {
    /// Bytes asked of the input at once.
    private static let readByteCount = 1 << 18
    /// Longest time between two looks at an idle segment's age, milliseconds.
    private static let ageMilliseconds = 1000

    private let host: Host
    private let options: AppendOptions
    private let writer: SegmentWriter
    private let complain: (Int64, String) -> Void
    private let progress: (AppendReport) -> Void
    private var report = AppendReport()
    private var cutter: LineCutter
    /// When the oldest record that is not flushed, or not synced, was appended; nil when none is.
    private var unflushedSince: UInt64?
    private var unsyncedSince: UInt64?

    /// Takes the lock of `directory`, which is made when it is missing.
    ///
    /// `complain` is told of each refused line: its number, from 1, and the reason; `progress` is
    /// called after each piece of input. Throws `writerPresent` when another has the lock.
    package init(
        host: Host, directory: String, options: AppendOptions = AppendOptions(),
        complain: @escaping (Int64, String) -> Void = { _, _ in },
        progress: @escaping (AppendReport) -> Void = { _ in }
    ) throws(EventLogError) {
        self.host = host
        self.options = options
        self.complain = complain
        self.progress = progress
        writer = try SegmentWriter(host: host, directory: directory, options: options.writer)
        cutter = LineCutter(byteLimit: options.writer.recordByteCount)
    }

    /// Appends all lines until the input ends, a signal stops it, or a line is refused strictly.
    ///
    /// At the end the segment is sealed and durable. A last line without a line feed is a record
    /// when the input ended, and is left out, and counted, when a signal did.
    package func run(_ input: some ByteInput) throws(AppendFailure) -> AppendReport {
        var buffer: [UInt8] = []
        while !report.isStopped {
            buffer.removeAll(keepingCapacity: true)
            switch try arrival(from: input, &buffer) {
            case .bytes, .nothing: try take(buffer)
            case .stopped:
                report.isStopped = true
                report.cutOffByteCount = cutter.begunByteCount
            case .end:
                if let line = cutter.last() {
                    try guarded { () throws(EventLogError) in try handle(line) }
                }
                return try close()
            }
            progress(report)
        }
        return try close()
    }

    private func arrival(
        from input: some ByteInput, _ buffer: inout [UInt8]
    ) throws(AppendFailure) -> ByteArrival {
        do throws(StorageError) {
            return try input.read(
                Self.readByteCount, waitMilliseconds: patience(), into: &buffer)
        } catch {
            let cause = AppendFailure.Cause.input(error)
            _ = try close()
            throw AppendFailure(cause: cause, report: report)
        }
    }

    private func take(_ bytes: [UInt8]) throws(AppendFailure) {
        try guarded { () throws(EventLogError) in
            try cutter.add(bytes) { (line) throws(EventLogError) in
                if !report.isStopped { try handle(line) }
            }
            try keepPromises()
        }
    }

    private func handle(_ line: LineCutter.Line) throws(EventLogError) {
        report.lineCount += 1
        switch line {
        case .tooLong(let byteCount):
            refuse(
                "\(byteCount) bytes; the longest allowed is "
                    + "\(options.writer.recordByteCount), see --record-bytes")
        case .whole(let bytes): try append(bytes)
        }
    }

    private func append(_ bytes: [UInt8]) throws(EventLogError) {
        var record = bytes
        if let parser = options.parser {
            if record.last == 0x0D { record.removeLast() }
            do throws(RecordError) {
                if case .blank = try parser.parse(record.span) {
                    report.blankCount += 1
                    return
                }
            } catch {
                return refuse("\(error)")
            }
        }
        let segment = writer.sequence
        do throws(EventLogError) { try writer.append(record) } catch {
            // Only this line; any other error closes the writer.
            guard case .recordRefused(_, let reason) = error else { throw error }
            return refuse(reason + ", see --record-bytes")
        }
        note(record.count + 1, in: segment)
    }

    private func note(_ byteCount: Int, in segment: Int64) {
        report.recordCount += 1
        report.byteCount += Int64(byteCount)
        if report.lastSegment != segment {
            report.segmentCount += 1
            report.firstSegment = report.firstSegment ?? segment
            report.lastSegment = segment
        }
        if writer.sequence != segment {
            // It was sealed with this record.
            noteSync()
            return
        }
        if unflushedSince == nil || unsyncedSince == nil {
            let now = host.clock.monotonicNanoseconds()
            unflushedSince = unflushedSince ?? now
            unsyncedSince = unsyncedSince ?? now
        }
    }

    private func refuse(_ reason: String) {
        report.refusedCount += 1
        complain(report.lineCount, reason)
        if options.isStrict { report.isStopped = true }
    }

    /// How long the input may be waited for, milliseconds; nil when nothing else is to be done.
    private func patience() -> Int? {
        let now = host.clock.monotonicNanoseconds()
        func left(_ since: UInt64?, _ milliseconds: Int) -> Int? {
            since.map { max(0, milliseconds - Int((now - $0) / 1_000_000)) }
        }
        let age = report.lastSegment == writer.sequence ? Self.ageMilliseconds : nil
        return [
            left(unflushedSince, options.flushMilliseconds),
            left(unsyncedSince, options.syncMilliseconds), age,
        ].compactMap { $0 }.min()
    }

    /// Flushes, syncs and rolls what has waited long enough.
    private func keepPromises() throws(EventLogError) {
        let now = host.clock.monotonicNanoseconds()
        func isDue(_ since: UInt64?, _ milliseconds: Int) -> Bool {
            since.map { now - $0 >= UInt64(milliseconds) * 1_000_000 } ?? false
        }
        if isDue(unsyncedSince, options.syncMilliseconds) {
            try writer.sync()
            noteSync()
        } else if isDue(unflushedSince, options.flushMilliseconds) {
            try writer.flush()
            unflushedSince = nil
            report.readableCount = report.recordCount
        }
        let segment = writer.sequence
        try writer.rollIfOld()
        if writer.sequence != segment { noteSync() }
    }

    private func noteSync() {
        unflushedSince = nil
        unsyncedSince = nil
        report.readableCount = report.recordCount
        report.durableCount = report.recordCount
    }

    private func close() throws(AppendFailure) -> AppendReport {
        try guarded { () throws(EventLogError) in
            try writer.close()
            noteSync()
        }
        return report
    }

    private func guarded(_ body: () throws(EventLogError) -> Void) throws(AppendFailure) {
        do throws(EventLogError) { try body() } catch {
            throw AppendFailure(cause: .log(error), report: report)
        }
    }
}
