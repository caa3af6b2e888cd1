import ArgumentParser
import EventLog
import Foundation
import Kernels
import Pipeline
import Storage

/// A pipeline in a process of its own, to be weighed or to be killed.
struct Worker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "A pipeline in a process of its own.",
        shouldDisplay: false)

    @Option var logDir: String
    @Option var stateDir: String
    @Option var records: Int64
    @Option var stepping: String
    /// Milliseconds between two lines of output; 0 prints one line at the end alone.
    @Option var lines = 0
    /// All users stay unless told otherwise, so that a user's bytes can be counted.
    @Option var residentBytes = Int64.max / 2

    /// What a line of output says.
    struct Line: Codable {
        var nanoseconds: UInt64
        var applied: Int64
        var committed: Int64 = 0
        var isReady = false
        var status: StatusReport?
        var residentBytesBefore: Int64 = 0
        var residentBytes: Int64 = 0
    }

    func run() async throws {
        let host = Self.machine
        let usage = Usage(host.disk)
        var options = PipelineOptions(logDirectory: logDir, stateDirectory: stateDir)
        options.stepping = PipelineOptions.Stepping(rawValue: stepping) ?? .resident
        options.residentByteCount = residentBytes
        let before = try usage.residentByteCount()
        let running = try RunningPipeline(host: host, options: options)
        let first = try await running.pipeline.status()
        var ready = Line(nanoseconds: host.clock.monotonicNanoseconds(), applied: first.recordCount)
        ready.isReady = true
        ready.committed = first.committed.recordCount
        try print(ready)
        if lines > 0 {
            while true {
                let status = try await running.pipeline.status()
                var line = Line(
                    nanoseconds: host.clock.monotonicNanoseconds(), applied: status.recordCount)
                line.committed = status.committed.recordCount
                try print(line)
                if status.recordCount >= records { break }
                try await Task.sleep(for: .milliseconds(lines))
            }
        }
        try await running.catchUp(to: records)
        _ = try await running.pipeline.checkpoint()
        var last = Line(nanoseconds: host.clock.monotonicNanoseconds(), applied: records)
        last.residentBytes = try usage.residentByteCount()
        last.residentBytesBefore = before
        last.status = try await running.pipeline.status()
        try print(last)
        try await running.stop()
    }

    private static let machine = Storage.Host.real

    private func print(_ line: Line) throws {
        let encoder = JSONEncoder()
        FileHandle.standardOutput.write(try encoder.encode(line) + Data("\n".utf8))
    }
}

/// A worker seen from outside.
final class WorkerProcess {
    private let process = Process()
    private let output = Pipe()
    private var waiting = Data()

    /// Starts one; `lines` is how often it speaks, milliseconds.
    init(
        log: PreparedLog, state: String, stepping: PipelineOptions.Stepping, lines: Int
    ) throws {
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe")
        process.arguments = [
            "worker", "--log-dir", log.directory, "--state-dir", state, "--records",
            String(log.records), "--stepping", stepping.rawValue, "--lines", String(lines),
        ]
        process.standardOutput = output
        try process.run()
    }

    /// The next line; nil at the end of the output.
    func next() throws -> Worker.Line? {
        while true {
            if let end = waiting.firstIndex(of: 0x0A) {
                let line = waiting[waiting.startIndex..<end]
                waiting = Data(waiting[(end + 1)...])
                return try JSONDecoder().decode(Worker.Line.self, from: Data(line))
            }
            let more = output.fileHandleForReading.availableData
            if more.isEmpty { return nil }
            waiting += more
        }
    }

    /// The last line, after the worker has ended well.
    func finish() throws -> Worker.Line {
        var last: Worker.Line?
        while let line = try next() { last = line }
        process.waitUntilExit()
        guard process.terminationStatus == 0, let last else {
            throw BenchError.worker("status \(process.terminationStatus)")
        }
        return last
    }

    /// SIGKILL.
    func kill() {
        _ = Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
