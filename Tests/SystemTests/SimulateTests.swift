import ControlProtocol
import Storage
import TestSupport
import Testing

/// `ubpd simulate` as an operator uses it.
@Suite struct SimulateTests {
    private func simulate(_ out: String, _ more: [String] = []) async throws -> Child {
        try await Programs.ubpd(
            ["simulate", "--users", "500", "--days", "21", "--seed", "4", "--out", out] + more)
    }

    @Test func `writes a log that lz4 reads, with as many lines as it reports`() async throws {
        let folder = try TemporaryDirectory()
        let child = try await simulate("\(folder.path)/shop", ["--json", "--start", "2024-02-27"])
        try #require(child.status == 0, "\(child.error)")
        let report = try JSONParser.parse(Array(child.output.utf8))
        let lines = try await Child.run([
            "sh", "-c", "lz4 -dcq \(folder.path)/shop/log/*.lz4 | wc -l",
        ])
        let count = Int64(lines.output.filter(\.isNumber))
        #expect(count != nil && report["records"] == count.map { .int($0) })
        let text = try await Child.run([
            "sh", "-c", "lz4 -dcq \(folder.path)/shop/log/*.lz4 | head -n 1",
        ])
        // date -d 2024-02-27T00:00:00Z +%s
        #expect(text.output.contains("\"timestamp\":1708992000,"))
    }

    @Test func `the daemon's refresh reads it`() async throws {
        let folder = try TemporaryDirectory()
        let made = try await simulate("\(folder.path)/shop", ["--shift"])
        try #require(made.status == 0, "\(made.error)")
        let child = try await Programs.ubpd([
            "refresh", "--untrained", "--seed", "1", "--log-dir", "\(folder.path)/shop/log",
            "--state-dir", "\(folder.path)/state", "--json",
        ])
        try #require(child.status == 0, "\(child.error)")
        let report = try JSONParser.parse(Array(child.output.utf8))
        #expect(report["users"] == .int(500) && report["quarantined"] == .int(0))
    }

    @Test func `prints the calibration table when asked`() async throws {
        let folder = try TemporaryDirectory()
        let child = try await simulate("\(folder.path)/shop", ["--calibration"])
        #expect(child.status == 0 && child.output.contains("| page_visit per user | 7.98 |"))
    }

    @Test func `a second run is refused until it may replace the first`() async throws {
        let folder = try TemporaryDirectory()
        let out = "\(folder.path)/shop"
        #expect(try await simulate(out).status == 0)
        let second = try await simulate(out)
        #expect(second.status == 64 && second.error.contains("--replace"), "\(second.error)")
        let third = try await simulate(out, ["--replace"])
        #expect(third.status == 0, "\(third.error)")
    }

    @Test(arguments: [
        (["--users", "0", "--days", "21"], "--users 0"),
        (["--users", "10", "--days", "3"], "--days 3"),
        (["--users", "10", "--days", "21", "--start", "2023-02-29"], "--start 2023-02-29"),
        (["--users", "10", "--days", "21", "--late", "2"], "--late 2"),
        (["--users", "many", "--days", "21"], "'many'"),
    ])
    func `a bad number is named`(arguments: [String], complaint: String) async throws {
        let folder = try TemporaryDirectory()
        let out = "\(folder.path)/shop"
        let child = try await Programs.ubpd(
            ["simulate", "--seed", "1", "--out", out] + arguments)
        #expect(child.status == 64 && child.error.contains(complaint), "\(child.error)")
        #expect(try RealDisk().status(out) == nil)
    }

    @Test func `a place that cannot be written is named`() async throws {
        let folder = try TemporaryDirectory()
        try RealDisk().open("\(folder.path)/file", .create).write([1], at: 0)
        let child = try await simulate("\(folder.path)/file/shop")
        #expect(child.status == 74 && child.error.contains("/file"), "\(child.error)")
    }
}
