import ArgumentParser
import Daemon
import EventLog
import Events
import Import
import Storage

/// `ubpd log …`: what is done to a log itself.
struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Write to a log.", subcommands: [LogAppendCommand.self])
}

/// `ubpd log append`: records on standard input → segments.
struct LogAppendCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "append",
        abstract: "Append newline-delimited JSON from standard input to a log.",
        discussion: """
            Every line is checked as the daemon would; one that it would quarantine is refused: it \
            is named on standard error and not written. Blank lines are skipped. SIGTERM and SIGINT \
            end the input: what was read is flushed and sealed.

            Exit status: 0 all written; 64 wrong usage; 65 some lines were refused; 69 another \
            writer holds the log; 74 reading or writing failed; 78 wrong configuration.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Flag(
        inversion: .prefixedNo,
        help: "Check each line; without, all but over-long ones are written as they are.")
    var check = true

    @Flag(help: "Stop at the first line that is refused.")
    var strict = false

    @Option(
        help: ArgumentHelp(
            "Longest time a record waits until followers can read it.", valueName: "milliseconds"))
    var flushMilliseconds = AppendOptions().flushMilliseconds

    @Option(
        help: ArgumentHelp(
            "Longest time a record waits until it survives a power failure.",
            valueName: "milliseconds"))
    var syncMilliseconds = AppendOptions().syncMilliseconds

    @Option(
        help: ArgumentHelp("Compressed bytes after which a segment ends.", valueName: "bytes"))
    var segmentBytes = SegmentWriter.Options().segmentByteCount

    @Option(help: ArgumentHelp("Decoded bytes after which a segment ends.", valueName: "bytes"))
    var segmentDecodedBytes = SegmentWriter.Options().segmentDecodedByteCount

    @Option(help: ArgumentHelp("Age after which a segment ends.", valueName: "seconds"))
    var segmentSeconds = SegmentWriter.Options().segmentSeconds

    @Option(help: ArgumentHelp("Decoded bytes after which a frame ends.", valueName: "bytes"))
    var frameBytes = SegmentWriter.Options().frameByteCount

    @Option(
        help: ArgumentHelp(
            "Longest record; the daemon's log.reader.record_bytes must not be lower.",
            valueName: "bytes"))
    var recordBytes = SegmentWriter.Options().recordByteCount

    @Flag(help: "Report as one JSON object on standard output.")
    var json = false

    func validate() throws {
        let hour = 3_600_000
        guard (0...hour).contains(flushMilliseconds), (0...hour).contains(syncMilliseconds) else {
            throw ValidationError(
                "--flush-milliseconds and --sync-milliseconds want 0…\(hour)")
        }
        guard segmentBytes > 0, segmentDecodedBytes > 0, segmentSeconds > 0 else {
            throw ValidationError("the bounds of a segment must be above 0")
        }
        guard (1...64 << 20).contains(frameBytes), (1...16 << 20).contains(recordBytes) else {
            throw ValidationError(
                "--frame-bytes wants 1…\(64 << 20), --record-bytes 1…\(16 << 20)")
        }
    }

    func run() throws {
        let host = makeHost()
        let configuration: Configuration
        do throws(DaemonError) {
            configuration = try options.load(from: host.disk)
        } catch {
            throw complaint("\(error)", error.exitCode)
        }
        let report: AppendReport
        do {
            let append = try makeAppend(configuration, host)
            report = try append.run(try RealInput())
        } catch EventLogError.writerPresent(let directory) {
            throw complaint(
                "\(EventLogError.writerPresent(directory: directory))", ExitStatus.unavailable)
        } catch {
            throw complaint("\(error)", ExitStatus.inputOutput)
        }
        standardError(report.text(directory: configuration.logDirectory))
        if json { try standardOutput(report.json) }
        if report.refusedCount > 0 { throw ExitCode(ExitStatus.data) }
    }

    private func makeAppend(
        _ configuration: Configuration, _ host: Host
    ) throws(EventLogError) -> LogAppend {
        var append = AppendOptions()
        append.parser =
            check
            ? RecordParser(
                earliest: configuration.events.earliestSeconds,
                latest: configuration.events.latestSeconds) : nil
        append.isStrict = strict
        append.flushMilliseconds = flushMilliseconds
        append.syncMilliseconds = syncMilliseconds
        append.writer = SegmentWriter.Options(
            segmentDecodedByteCount: segmentDecodedBytes, segmentByteCount: segmentBytes,
            segmentSeconds: segmentSeconds, frameByteCount: frameBytes,
            recordByteCount: recordBytes)
        let meter = AppendMeter(host.clock)
        return try LogAppend(
            host: host, directory: configuration.logDirectory, options: append,
            complain: { line, reason in meter.complain(line, reason) },
            progress: { report in meter.show(report) })
    }

    private func complaint(_ text: String, _ status: Int32) -> ExitCode {
        standardError("ubpd log append: \(text)")
        return ExitCode(status)
    }
}

/// Says on standard error what goes on: refused lines, and for a person the progress.
private final class AppendMeter {
    /// Refused lines that are named; all are counted.
    private static let complaintLimit = 1000

    private let clock: any Clock
    private let isShown = StandardStreams.errorIsTerminal
    private let start: UInt64
    private var shown: UInt64
    private var complaintCount = 0

    init(_ clock: any Clock) {
        self.clock = clock
        start = clock.monotonicNanoseconds()
        shown = start
    }

    func complain(_ line: Int64, _ reason: String) {
        complaintCount += 1
        if complaintCount <= Self.complaintLimit {
            standardError("line \(line): \(reason)")
        } else if complaintCount == Self.complaintLimit + 1 {
            standardError("further refused lines are only counted")
        }
    }

    func show(_ report: AppendReport) {
        guard isShown else { return }
        let now = clock.monotonicNanoseconds()
        guard now - shown >= 1_000_000_000 else { return }
        shown = now
        let seconds = Double(now - start) / 1e9
        standardError(
            "\(report.recordCount) records, \(report.byteCount / 1_000_000) MB, "
                + "\(Int(Double(report.recordCount) / seconds)) records/s, "
                + "\(report.refusedCount) refused")
    }
}

extension AppendReport {
    /// For people.
    fileprivate func text(directory: String) -> String {
        var text = "\(recordCount) records, \(byteCount) bytes in \(segmentCount) segments"
        if let firstSegment, let lastSegment {
            text +=
                firstSegment == lastSegment
                ? " (\(firstSegment))" : " (\(firstSegment)…\(lastSegment))"
        }
        text += " of \(directory); \(refusedCount) refused, \(blankCount) blank lines"
        if isStopped { text += "; stopped at line \(lineCount)" }
        if cutOffByteCount > 0 {
            text +=
                "; the last line's end had not come, its \(cutOffByteCount) bytes are not written"
        }
        return text
    }

    /// For programs.
    fileprivate var json: String {
        func number(_ value: Int64?) -> String { value.map(String.init) ?? "null" }
        return "{\"records\":\(recordCount),\"bytes\":\(byteCount),\"segments\":\(segmentCount),"
            + "\"first_segment\":\(number(firstSegment)),\"last_segment\":\(number(lastSegment)),"
            + "\"lines\":\(lineCount),\"refused\":\(refusedCount),\"blank\":\(blankCount),"
            + "\"stopped\":\(isStopped),\"cut_off_bytes\":\(cutOffByteCount)}"
    }
}
