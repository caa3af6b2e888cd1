import Foundation
import Testing
import TestSupport

@Suite struct UnitFileTests {
    private static let hasSystemd = FileManager.default.isExecutableFile(
        atPath: "/usr/bin/systemd-analyze")

    @Test(.enabled(if: hasSystemd, "systemd-analyze is not installed"))
    func `passes systemd's own check`() async throws {
        let unit = URL(filePath: #filePath).appending(path: "../../../systemd/ubpd.service")
            .standardized
        // The check wants the program to exist, which is so only where it is installed.
        let text = try String(contentsOf: unit, encoding: .utf8)
            .replacing("/usr/bin/ubpd ", with: "/usr/bin/true ")
        let directory = URL.temporaryDirectory.appending(path: "ubpd-unit-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let copy = directory.appending(path: "ubpd.service")
        try text.write(to: copy, atomically: true, encoding: .utf8)
        let check = try await Child.run(["systemd-analyze", "verify", "--man=no", copy.path])
        #expect(check.status == 0)
        #expect(check.output.isEmpty && check.error.isEmpty, "\(check.output)\(check.error)")
    }
}
