import EventLog
import Foundation
import Storage
import TestSupport
import Testing

/// Every form in which liblz4 and the `lz4` command write the same lines (Tests/Golden/log_forms.py).
@Suite struct LogFormsTests {
    @Test func `reads every form that liblz4 writes`() async throws {
        let directory = try TemporaryDirectory()
        _ = try await Child.run(["python3", goldenPath("log_forms.py"), directory.path])
            .successful()
        let text = try String(
            contentsOfFile: directory.path + "/lines.ndjson", encoding: .utf8)
        let names = try RealDisk().names(in: directory.path).filter { $0.hasSuffix(".lz4") }
        #expect(names.count == 17)
        for name in names {
            let bytes = try Array(Data(contentsOf: URL(filePath: directory.path + "/" + name)))
            let log = try TestLog()
            try log.write(bytes, to: 0)
            #expect(try log.readAll().map(\.text) == expected(text), "\(name)")
        }
    }

    @Test(arguments: [
        ["-B4"], ["-B5", "-BI"], ["-B6", "-BD"], ["-B7", "-BD", "-BX"], ["-9", "--content-size"],
        ["--no-frame-crc"], ["-12", "-B4", "-BX", "--content-size"], ["--fast=5"],
    ])
    func `reads what the lz4 command writes`(flags: [String]) async throws {
        let directory = try TemporaryDirectory()
        let text = lines(0..<9000, padding: 60)
        let source = directory.path + "/lines"
        try text.write(toFile: source, atomically: false, encoding: .utf8)
        let bytes = try await Child.run(["lz4", "-c", "-q"] + flags + [source]).successful().bytes
        let log = try TestLog()
        try log.write(bytes, to: 0)
        #expect(try log.readAll().map(\.text) == expected(text))
    }

    @Test func `refuses a legacy frame with a clear reason and goes on behind it`() async throws {
        let directory = try TemporaryDirectory()
        let source = directory.path + "/lines"
        try lines(0..<50).write(toFile: source, atomically: false, encoding: .utf8)
        let legacy = try await Child.run(["lz4", "-c", "-q", "-l", source]).successful().bytes
        let log = try TestLog()
        try log.write(legacy + frame(lines(50..<60)), to: 0)
        let read = try log.readAll()
        let damage = try #require(read.first?.damage)
        #expect(damage.reason.contains("legacy"))
        #expect(damage.position == 0 && damage.byteCount == Int64(legacy.count))
        #expect(read.dropFirst().map(\.text) == expected(lines(50..<60)))
    }

    @Test func `the lz4 command reads what the writer writes, seal and all`() async throws {
        let directory = try TemporaryDirectory()
        let writer = try SegmentWriter(host: .real, directory: directory.path)
        let text = lines(0..<20_000, padding: 50)
        for line in expected(text) { try writer.append(Array(line.utf8)) }
        try writer.close()
        let path = directory.path + "/" + SegmentName.name(0)
        let output = try await Child.run(["lz4", "-d", "-c", "-q", path]).successful().bytes
        #expect(output == Array(text.utf8))
    }

    /// A Python that has the module: the first in PATH, or Debian's.
    private static func python() async throws -> String? {
        for python in ["python3", "/usr/bin/python3"]
        where try await Child.run([python, "-c", "import lz4.frame"]).status == 0 {
            return python
        }
        return nil
    }

    @Test(.enabled { try await python() != nil })
    func `reads what Python's lz4-frame writes`() async throws {
        let directory = try TemporaryDirectory()
        let text = lines(0..<9000, padding: 60)
        try text.write(toFile: directory.path + "/lines", atomically: false, encoding: .utf8)
        let python = try #require(try await Self.python())
        _ = try await Child.run([python, goldenPath("python_lz4_forms.py"), directory.path])
            .successful()
        let names = try RealDisk().names(in: directory.path).filter { $0.hasSuffix(".lz4") }
        #expect(names.count == 81)
        for name in names {
            let log = try TestLog()
            try log.write(RealDisk().bytes(of: directory.path + "/" + name, limit: 1 << 24), to: 0)
            #expect(try log.readAll().map(\.text) == expected(text), "\(name)")
        }
    }
}
