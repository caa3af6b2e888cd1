import Foundation
import TestSupport
import Testing

/// The files that systemd reads, by systemd's own judgement.
@Suite struct UnitFileTests {
    private static let hasSystemd = FileManager.default.isExecutableFile(
        atPath: "/usr/bin/systemd-analyze")
    private static let directory = URL(filePath: #filePath).appending(path: "../../../systemd")
        .standardized
    private static let units: [String] =
        (try? FileManager.default.contentsOfDirectory(atPath: directory.path))?
        .filter { !$0.hasSuffix(".conf") }.sorted() ?? []
    private static let services = units.filter { $0.hasSuffix(".service") }

    @Test func `are all there`() {
        #expect(
            Self.units == [
                "ubpd-refresh.service", "ubpd-refresh.timer", "ubpd-snapshot.service",
                "ubpd-snapshot.timer", "ubpd.service", "ubpd.socket",
            ])
    }

    // setpriority(2): below its own niceness an unprivileged process needs RLIMIT_NICE, and libdispatch
    // asks for 0 and -4 whatever the process has.
    @Test(arguments: services)
    func `let libdispatch set the niceness of its threads`(service: String) throws {
        let text = try String(contentsOf: Self.directory.appending(path: service), encoding: .utf8)
        #expect(text.contains("\nLimitNICE=-4\n"))
    }

    @Test(.enabled(if: hasSystemd, "systemd-analyze is not installed"))
    func `pass systemd's own check, all together`() async throws {
        let directory = URL.temporaryDirectory.appending(path: "ubpd-unit-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        var copies: [String] = []
        for unit in Self.units {
            // The check wants programs to exist, which is so only where they are installed.
            let text = try String(contentsOf: Self.directory.appending(path: unit), encoding: .utf8)
                .replacing("/usr/bin/ubpd ", with: "/usr/bin/true ")
                .replacing("/usr/bin/ubpctl ", with: "/usr/bin/true ")
                .replacing("/usr/bin/setfacl ", with: "/usr/bin/true ")
            let copy = directory.appending(path: unit)
            try text.write(to: copy, atomically: true, encoding: .utf8)
            copies.append(copy.path)
        }
        let check = try await Child.run(["systemd-analyze", "verify", "--man=no"] + copies)
        #expect(check.status == 0)
        #expect(check.output.isEmpty && check.error.isEmpty, "\(check.output)\(check.error)")
    }

    @Test(.enabled(if: hasSystemd, "systemd-analyze is not installed"), arguments: services)
    func `expose no more than 1.5 of 10`(service: String) async throws {
        let path = Self.directory.appending(path: service).path
        let check = try await Child.run([
            "systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", path,
        ])
        #expect(check.status == 0, "\(check.output)\(check.error)")
        #expect(check.output.contains("Overall exposure level for \(service)"))
    }
}
