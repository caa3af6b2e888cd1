import ControlProtocol
import Foundation
import Storage
import Synchronization
import TestSupport
import Testing

/// `ubpd log append` whose standard input the test holds open.
private final class RunningAppend: Sendable {
    private struct Parts {
        let process = Process()
        let input = Pipe()
        let error = Pipe()
    }

    private let parts: Mutex<Parts>

    init(_ arguments: [String]) throws {
        let made = Parts()
        made.process.executableURL = URL(filePath: "\(Programs.directory)/ubpd")
        made.process.arguments = ["log", "append"] + arguments
        made.process.standardInput = made.input
        made.process.standardError = made.error
        made.process.standardOutput = FileHandle.nullDevice
        try made.process.run()
        parts = Mutex(made)
    }

    deinit {
        parts.withLock {
            if $0.process.isRunning { kill($0.process.processIdentifier, SIGKILL) }
            $0.process.waitUntilExit()
        }
    }

    func write(_ text: String) throws {
        try parts.withLock { try $0.input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }
    }

    func signal(_ number: Int32) {
        _ = parts.withLock { kill($0.process.processIdentifier, number) }
    }

    /// Closes the input if it is open, and waits for the end: the status, negative for a signal.
    func end(closing: Bool = true) throws -> (status: Int32, error: String) {
        try parts.withLock { parts in
            if closing { try parts.input.fileHandleForWriting.close() }
            let text = try parts.error.fileHandleForReading.readToEnd() ?? Data()
            parts.process.waitUntilExit()
            let status = parts.process.terminationStatus
            let isSignal = parts.process.terminationReason == .uncaughtSignal
            return (isSignal ? -status : status, String(decoding: text, as: UTF8.self))
        }
    }
}

@Suite(.serialized) struct LogAppendProgramTests {
    private func visit(_ number: Int) -> String {
        #"{"client_id":\#(number),"timestamp":1667952000,"event_type":"page_visit","url":7}"# + "\n"
    }

    /// What the `lz4` command makes of all segments, in order.
    private func decoded(_ log: String) async throws -> String {
        try await Child.run([
            "sh", "-c", "for f in \(log)/*.lz4; do test -e $f && lz4 -dc $f; done; true",
        ]).output
    }

    /// Waits until the log holds `text`; the append still runs.
    private func wait(for text: String, in log: String) async throws {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(60)
        while try await decoded(log) != text {
            guard clock.now < end else { throw Failure(what: "the records did not come") }
        }
    }

    @Test func `the lz4 command gives back what was appended, over many segments`() async throws {
        let directory = try TemporaryDirectory()
        let text = (0..<30_000).map { visit($0 * 7919) }.joined()
        let (path, log) = (directory.path + "/in", directory.path + "/log")
        try RealDisk().open(path, .create).write(Array(text.utf8), at: 0)
        let child = try await Child.run([
            "sh", "-c",
            "\(Programs.directory)/ubpd log append --log-dir \(log) --segment-decoded-bytes 300000 "
                + "--json < \(path)",
        ])
        #expect(child.status == 0, "\(child.error)")
        let report = try JSONParser.parse(Array(child.output.utf8))
        #expect(report["records"] == 30_000 && report["refused"] == 0)
        #expect(report["bytes"] == .int(Int64(text.utf8.count)))
        let names = try RealDisk().names(in: log).filter { $0.hasSuffix(".lz4") }
        #expect(report["segments"] == .int(Int64(names.count)) && names.count > 5)
        #expect(child.error.contains("30000 records") && child.error.contains("0 refused"))
        #expect(try await decoded(log) == text)
    }

    @Test func `a record is there for followers while standard input is still open`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let log = directory.path + "/log"
        let append = try RunningAppend(["--log-dir", log])
        var text = ""
        for number in 0..<3 {
            try append.write(visit(number))
            text += visit(number)
            try await wait(for: text, in: log)
        }
        #expect(try append.end().status == 0)
        #expect(try await decoded(log) == text)
    }

    @Test func `killed in the middle, it leaves whole records, and the next one goes on`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let log = directory.path + "/log"
        let first = try RunningAppend(["--log-dir", log])
        let early = (0..<2000).map(visit).joined()
        try first.write(early)
        try await wait(for: early, in: log)
        let rest = (2000..<2300).map(visit).joined()
        try first.write(rest)
        first.signal(SIGKILL)
        #expect(try first.end().status == -SIGKILL)
        let left = try await decoded(log)
        #expect(left.hasPrefix(early) && (early + rest).hasPrefix(left) && left.hasSuffix("\n"))
        let second = try RunningAppend(["--log-dir", log])
        try second.write(visit(9))
        #expect(try second.end().status == 0)
        #expect(try await decoded(log) == left + visit(9))
        let names = try RealDisk().names(in: log).filter { $0.hasSuffix(".lz4") }
        #expect(names.count == 2)
    }

    @Test func `a second writer names the lock and leaves the first alone`() async throws {
        let directory = try TemporaryDirectory()
        let log = directory.path + "/log"
        let first = try RunningAppend(["--log-dir", log])
        try first.write(visit(1))
        try await wait(for: visit(1), in: log)
        let second = try await Child.run(
            ["\(Programs.directory)/ubpd", "log", "append", "--log-dir", log], input: visit(2))
        #expect(second.status == 69 && second.error.contains("writer.lock"), "\(second.error)")
        try first.write(visit(3))
        #expect(try first.end().status == 0)
        #expect(try await decoded(log) == visit(1) + visit(3))
    }

    @Test func `refused lines are named, counted and told by the exit status`() async throws {
        let directory = try TemporaryDirectory()
        let program = "\(Programs.directory)/ubpd"
        let input = visit(1) + "{\n\n" + visit(2)
        let cases: [([String], Int32, String)] = [
            ([], 65, visit(1) + visit(2)), (["--strict"], 65, visit(1)), (["--no-check"], 0, input),
            (["--set", "events.latest_seconds=9"], 65, ""), (["--set", "nonsense=9"], 78, ""),
            (["--flush-milliseconds", "-1"], 64, ""),
        ]
        for (index, (options, status, expected)) in cases.enumerated() {
            let log = "\(directory.path)/\(index)"
            let child = try await Child.run(
                [program, "log", "append", "--log-dir", log] + options, input: input)
            #expect(child.status == status, "\(options): \(child.error)")
            if status == 65 { #expect(child.error.contains("line "), "\(child.error)") }
            #expect(try await decoded(log) == expected, "\(options)")
        }
    }

    @Test func `SIGTERM seals what was read and ends well`() async throws {
        let directory = try TemporaryDirectory()
        let log = directory.path + "/log"
        let append = try RunningAppend(["--log-dir", log, "--flush-milliseconds", "1"])
        try append.write(visit(1) + "{\"half")
        try await wait(for: visit(1), in: log)
        append.signal(SIGTERM)
        let end = try append.end(closing: false)
        #expect(end.status == 0 && end.error.contains("6 bytes are not written"), "\(end)")
        let bytes = try RealDisk().bytes(
            of: "\(log)/00000000000000000000.ndjson.lz4", limit: 1 << 20)
        #expect(String(decoding: bytes.suffix(8), as: UTF8.self) == "ubpd end")
    }

    @Test func `a quarantined record is mended and appended, others are replayed`() async throws {
        let directory = try TemporaryDirectory()
        let (log, state) = (directory.path + "/log", directory.path + "/state")
        let program = "\(Programs.directory)/ubpd"
        let input = visit(1) + visit(2).replacing("page_visit", with: "page_vist") + visit(3)
        let appended = try await Child.run(
            [program, "log", "append", "--no-check", "--log-dir", log], input: input)
        try #require(appended.status == 0)
        func quarantined(_ daemon: RunningDaemon, _ count: Int64) async throws {
            _ = try await daemon.wait {
                $0["lag"]?["bytes"] == .int(0) && $0["counters"]?["quarantined"] == .int(count)
                    && $0["applied"]?["offset"] == $0["committed"]?["offset"]
                    && $0["applied"]?["offset"] != .int(0)
            }
        }
        do {
            let daemon = try RunningDaemon(
                log: log, state: state, settings: ["events.latest_seconds=1600000000"])
            try await quarantined(daemon, 3)
            daemon.signal(SIGKILL)
            _ = daemon.exitStatus()
        }
        let daemon = try RunningDaemon(log: log, state: state)
        try await quarantined(daemon, 3)
        let list = try await daemon.control(["quarantine", "list"])
        #expect(list["entries"]?.elements?.map { $0["key"] } == ["0/0", "0/1", "0/2"])
        let mended = try await Child.run([
            "sh", "-c",
            "\(Programs.directory)/ubpctl --socket \(daemon.socket) quarantine show 0/1 --raw"
                + " | sed s/page_vist/page_visit/ | \(program) log append --log-dir \(log)",
        ])
        #expect(mended.status == 0, "\(mended.error)")
        let replay = try await Child.run([
            "\(Programs.directory)/ubpctl", "--socket", daemon.socket, "--json", "quarantine",
            "replay", "--all",
        ])
        let document = try JSONParser.parse(Array(replay.output.utf8))
        #expect(replay.status == 1 && document["taken"] == 2 && document["refused"] == 1)
        // What is accepted survives a kill that comes before any commit may have.
        daemon.signal(SIGKILL)
        _ = daemon.exitStatus()
        let last = try RunningDaemon(log: log, state: state)
        try await quarantined(last, 1)
        let status = try await last.wait { $0["counters"]?["read"] == .int(4) }
        #expect(status["counters"]?["pending"] == 3)
        let again = try await last.control(["quarantine", "list"])
        #expect(again["entries"]?.elements?.map { $0["replayed"] } == [true, false, true])
    }
}
