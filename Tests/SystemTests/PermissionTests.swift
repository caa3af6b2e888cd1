import ControlProtocol
import Foundation
import Storage
import TestSupport
import Testing

/// A daemon that is not root, and files that it may not read.
@Suite struct PermissionTests {
    private static let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

    /// Whether this is root, whom no mode of a file keeps out, and can be somebody else.
    private static func canBecomeNobody() async throws -> Bool {
        try await Child.run(nobody + ["test", "-x", "\(Programs.directory)/ubpd"]).status == 0
    }

    private func text(_ status: JSONValue) -> String { "\(status["degraded"] ?? .null)" }

    @Test(.enabled { try await canBecomeNobody() })
    func `a segment that may not be read is said, and read when it may be`() async throws {
        let directory = try TemporaryDirectory()
        let log = "\(directory.path)/log"
        try await Programs.makeLog(log, users: 20)
        let segment = "\(log)/00000000000000000001.ndjson.lz4"
        _ = try await Child.run(["chmod", "777", directory.path]).successful()
        _ = try await Child.run(["chmod", "000", segment]).successful()
        let daemon = try RunningDaemon(
            log: log, state: "\(directory.path)/state", prefix: Self.nobody)
        let refused = try await daemon.wait { text($0).contains("Permission denied") }
        #expect(refused["counters"]?["read"] == .int(0))
        _ = try await Child.run(["chmod", "644", segment]).successful()
        let lines = try await Child.run([
            "sh", "-c", "lz4 -dcq \(segment) | grep -v product_update | grep -c .",
        ]).successful().output
        let count = try #require(Int64(lines.trimmingCharacters(in: .whitespacesAndNewlines)))
        // What it says is so ends with its cause.
        _ = try await daemon.wait {
            $0["counters"]?["read"] == .int(count) && !text($0).contains("cannot be read")
        }
        #expect(count > 100)
        daemon.signal(SIGTERM)
        #expect(daemon.exitStatus() == 0)
    }
}
