import EventLog
import Events
import Import
import Storage
import TestSupport
import Testing

/// Standard input played from a script, on a clock that the script moves.
private final class ScriptedInput: ByteInput {
    enum Step {
        case text(String)
        case bytes([UInt8])
        case pause(milliseconds: Int)
        case look(() throws -> Void)
        case stop
        case fail
    }

    private var steps: ArraySlice<Step>
    private let clock: SimulatedClock

    init(_ steps: [Step], _ clock: SimulatedClock) {
        self.steps = steps[...]
        self.clock = clock
    }

    func read(
        _ count: Int, waitMilliseconds: Int?, into buffer: inout [UInt8]
    ) throws(StorageError) -> ByteArrival {
        var left = waitMilliseconds
        while let step = steps.popFirst() {
            switch step {
            case .text(let text): return give(Array(text.utf8), count, &buffer)
            case .bytes(let bytes): return give(bytes, count, &buffer)
            case .pause(let milliseconds):
                let waited = min(left ?? milliseconds, milliseconds)
                left = left.map { $0 - waited }
                clock.advance(seconds: Double(waited) / 1000)
                if waited == milliseconds { break }
                steps = [.pause(milliseconds: milliseconds - waited)] + steps
                return .nothing
            case .look(let look):
                do { try look() } catch { Issue.record(error) }
            case .stop: return .stopped
            case .fail:
                throw .failed(operation: "read", path: "standard input", errno: 5, reason: "broken")
            }
        }
        return .end
    }

    private func give(_ bytes: [UInt8], _ count: Int, _ buffer: inout [UInt8]) -> ByteArrival {
        if bytes.count > count { steps = [.bytes(Array(bytes.dropFirst(count)))] + steps }
        buffer += bytes.prefix(count)
        return .bytes(min(count, bytes.count))
    }
}

@Suite struct LogAppendTests {
    private let clock = SimulatedClock(seconds: 1_667_952_000)
    private let disk: MemoryDisk
    private let host: Host

    init() {
        disk = MemoryDisk(clock: clock)
        host = Host.simulated(disk: disk, clock: clock)
    }

    /// Ends the script's input where the reader stands.
    private func run(
        _ steps: [ScriptedInput.Step], _ options: AppendOptions = AppendOptions(),
        complain: @escaping (Int64, String) -> Void = { _, _ in }
    ) throws -> AppendReport {
        try LogAppend(host: host, directory: "/log", options: options, complain: complain)
            .run(ScriptedInput(steps, clock))
    }

    private func visit(_ number: Int) -> String {
        #"{"client_id":\#(number),"timestamp":1667952000,"event_type":"page_visit","url":7}"#
    }

    /// The log's lines now, as a follower reads them.
    private func log() throws -> [String] {
        let reader = try LogReader(host: host, directory: "/log")
        var lines: [String] = []
        while let chunk = try reader.next() {
            for entry in chunk.entries {
                #expect(entry.damage == nil)
                let bytes = chunk.bytes[entry.start..<entry.start + entry.byteCount]
                lines.append(String(decoding: bytes, as: UTF8.self))
            }
        }
        return lines
    }

    @Test func `writes lines however they are cut, CRLF and blank ones and the last one too`()
        throws
    {
        let lines = (0..<9).map(visit)
        let text =
            lines[0] + "\n" + lines[1] + "\r\n\n  \n" + lines[2..<8].joined(separator: "\n")
            + "\r\n\r\n" + lines[8]
        for size in [1, 2, 7, 80, 10_000] {
            let bytes = Array(text.utf8)
            let steps = stride(from: 0, to: bytes.count, by: size).map {
                ScriptedInput.Step.bytes(Array(bytes[$0..<min($0 + size, bytes.count)]))
            }
            try disk.remove("/log")
            let report = try run(steps)
            #expect(try log() == lines)
            #expect(report.recordCount == 9 && report.blankCount == 3 && report.refusedCount == 0)
            #expect(report.durableCount == 9 && report.lineCount == 12)
            #expect(report.byteCount == Int64(lines.reduce(0) { $0 + $1.utf8.count + 1 }))
        }
    }

    @Test func `refuses what the daemon would, names the line and goes on`() throws {
        let long = visit(1).dropLast() + #","x":""# + String(repeating: "y", count: 200) + "\"}"
        var options = AppendOptions()
        options.writer.recordByteCount = 200
        var complaints: [Int64] = []
        var reasons: [String] = []
        let steps: [ScriptedInput.Step] = [
            .text(visit(1) + "\n{\n" + visit(2) + "\n" + long + "\n"),
            .bytes([0x7B, 0xFF, 0x7D, 0x0A]), .text(visit(3) + "\nnonsense\n"),
        ]
        let report = try run(steps, options) { line, reason in
            complaints.append(line)
            reasons.append(reason)
        }
        #expect(try log() == [visit(1), visit(2), visit(3)])
        #expect(complaints == [2, 4, 5, 7] && report.refusedCount == 4)
        #expect(reasons[0].contains("not a JSON object"))
        #expect(reasons[1].contains("\(long.utf8.count) bytes") && reasons[1].contains("200"))
        #expect(!report.isStopped)
    }

    @Test func `a line of any length costs no more than the limit`() throws {
        var options = AppendOptions()
        options.writer.recordByteCount = 100
        let piece = [UInt8](repeating: 0x61, count: 1 << 16)
        let steps = (0..<64).map { _ in ScriptedInput.Step.bytes(piece) }
        var reason = ""
        let report = try run(steps + [.text("\n" + visit(4) + "\n")], options) { reason = $1 }
        #expect(reason.contains("\(64 << 16) bytes"))
        #expect(report.refusedCount == 1 && report.recordCount == 1)
    }

    @Test(arguments: [99, 100, 101])
    func `a record of exactly the limit is written, one byte more is not`(limit: Int) throws {
        let record = visit(5) + String(repeating: " ", count: 100 - visit(5).utf8.count)
        for (parser, end) in [(RecordParser(), "\r\n"), (RecordParser(), "\n"), (nil, "\n")] {
            var options = AppendOptions()
            options.parser = parser
            options.writer.recordByteCount = limit
            try disk.remove("/log")
            let report = try run([.text(record + end)], options)
            #expect(report.recordCount == (limit < 100 ? 0 : 1))
            #expect(report.refusedCount == (limit < 100 ? 1 : 0))
        }
    }

    @Test func `unchecked, every line is written as it is`() throws {
        var options = AppendOptions()
        options.parser = nil
        let report = try run([.text("a\r\n\n{\n \nlast")], options)
        // The reader takes `\r\n` for a line's end.
        #expect(
            try log().map { $0.hasSuffix("\r") ? String($0.dropLast()) : $0 }
                == ["a", "", "{", " ", "last"])
        #expect(report.recordCount == 5 && report.refusedCount == 0 && report.blankCount == 0)
    }

    @Test func `strict, the first refused line ends it, and what stood before it is written`()
        throws
    {
        var options = AppendOptions()
        options.isStrict = true
        let report = try run([.text(visit(1) + "\n{\n" + visit(2) + "\n"), .text("{\n")], options)
        #expect(try log() == [visit(1)])
        #expect(report.isStopped && report.refusedCount == 1 && report.lineCount == 2)
        #expect(report.durableCount == 1)
    }

    @Test func `a record that drips in is readable after the flush time, and durable later`()
        throws
    {
        var seen: [Int] = []
        let look = ScriptedInput.Step.look { seen.append(try log().count) }
        let disk = disk
        var survived = 0
        try disk.makeDirectory("/log")
        try disk.syncDirectory("/")
        // The machine that crashed ends the append too.
        _ = try? run([
            .text(visit(1) + "\n"), .pause(milliseconds: 99), look, .pause(milliseconds: 2), look,
            .text(visit(2) + "\n" + visit(3)), .pause(milliseconds: 150), look,
            .text("\n"), .pause(milliseconds: 2000), look,
            .look {
                disk.crash()
                survived = try log().count
            },
        ])
        #expect(seen == [0, 1, 2, 3])
        #expect(survived == 3)
    }

    @Test func `what comes fast shares frames, and none waits longer for that`() throws {
        var steps: [ScriptedInput.Step] = []
        var worst = 0
        for number in 0..<2000 {
            steps.append(.text(visit(number) + "\n"))
            if number % 10 == 9 { steps.append(.pause(milliseconds: 1)) }
            if number % 100 == 99 {
                steps.append(.look { worst = max(worst, number + 1 - (try log().count)) })
            }
        }
        #expect(try run(steps).recordCount == 2000)
        // 100 ms hold a thousand records; the flush comes with the first piece after that.
        #expect(worst > 300 && worst <= 1010)
        let path = "/log/" + SegmentName.name(0)
        let bytes = try disk.bytes(of: path, limit: 1 << 24)
        let magics = (0..<bytes.count - 3).count {
            bytes[$0...].starts(with: [4, 0x22, 0x4D, 0x18])
        }
        #expect(magics <= 4)
    }

    @Test func `segments roll by size and by age, also while nothing comes`() throws {
        var options = AppendOptions()
        options.writer.segmentDecodedByteCount = 500
        options.writer.segmentSeconds = 60
        var idle: [String] = []
        let disk = disk
        let report = try run(
            [
                .text((0..<18).map { visit($0) + "\n" }.joined()),
                .text(visit(20) + "\n"), .pause(milliseconds: 70_000),
                .look { idle = try disk.names(in: "/log") }, .text(visit(21) + "\n"),
            ], options)
        let names = try disk.names(in: "/log").compactMap(SegmentName.sequence)
        #expect(names == Array(0..<Int64(names.count)) && names.count == 4)
        #expect(report.segmentCount == 4 && report.firstSegment == 0 && report.lastSegment == 3)
        let sealed = try disk.bytes(of: "/log/" + idle[idle.count - 2], limit: 1 << 20)
        #expect(sealed.suffix(16).elementsEqual(SegmentWriter.sealMark))
        #expect(try log().count == 20)
    }

    @Test func `a signal seals what was read, and tells of the line that was cut`() throws {
        let report = try run([.text(visit(1) + "\n" + visit(2).prefix(30)), .stop])
        #expect(try log() == [visit(1)])
        #expect(report.isStopped && report.cutOffByteCount == 30 && report.durableCount == 1)
    }

    @Test func `a second writer is refused by the lock's name, and a later one goes on`() throws {
        let first = try LogAppend(host: host, directory: "/log")
        #expect {
            try LogAppend(host: host, directory: "/log")
        } throws: { "\($0)".contains("writer.lock") }
        _ = try first.run(ScriptedInput([.text(visit(1) + "\n")], clock))
    }

    @Test func `a full disk is an error that says what stands in the log`() throws {
        let small = MemoryDisk(capacity: 3000, clock: clock)
        let host = Host.simulated(disk: small, clock: clock)
        var steps: [ScriptedInput.Step] = []
        for number in 0..<3000 {
            steps += [.text(visit(number * 7919) + "\n"), .pause(milliseconds: 101)]
        }
        let append = try LogAppend(host: host, directory: "/log")
        do {
            _ = try append.run(ScriptedInput(steps, clock))
            Issue.record("a disk of 3000 bytes took it all")
        } catch {
            #expect("\(error)".contains("No space left") || "\(error)".contains("ENOSPC"))
            #expect(error.report.recordCount > error.report.readableCount)
            #expect(error.report.readableCount >= error.report.durableCount)
            #expect(error.report.durableCount > 0)
        }
    }

    @Test func `when the input fails, what was read is sealed all the same`() throws {
        do {
            _ = try run([.text(visit(1) + "\n" + visit(2) + "\n"), .fail])
            Issue.record("not told")
        } catch let failure as AppendFailure {
            #expect("\(failure)".contains("standard input") && failure.report.durableCount == 2)
        }
        #expect(try log() == [visit(1), visit(2)])
    }
}
