import Foundation
import Pipeline
import Synchronization
import TestSupport
import Testing

/// What the program does when its standard output takes nothing, or no more.
@Suite struct UBPCtlOutputTests {
    private static let program = URL(filePath: CommandLine.arguments[0])
        .deletingLastPathComponent().appending(path: "ubpctl").path

    /// Runs a script that calls the program as `"$CTL"`, with arguments of its own.
    private func script(
        _ fixture: ServerFixture, _ text: String, _ arguments: [String] = []
    ) async throws -> Child {
        try await Child.run(
            ["UBPD_SOCKET=\(fixture.path)", "CTL=\(Self.program)", "bash", "-c", text, "bash"]
                + arguments)
    }

    @Test func `ends quietly when its reader goes away`() async throws {
        try await ServerFixture.serve { fixture in
            let verbs = [
                ["status", "--watch", "0.1"], ["top", "--interval", "0.1"],
                ["refresh", "status", "--watch", "0.1"], ["--json", "status", "--watch", "0.1"],
            ]
            for verb in verbs {
                let text = #""$CTL" "$@" | head -1 >/dev/null; echo "${PIPESTATUS[0]}""#
                let child = try await script(fixture, text, verb)
                #expect(child.output == "141\n" && child.error.isEmpty, "\(verb): \(child.error)")
            }
        }
    }

    @Test func `says that an answer could not be written`() async throws {
        try await ServerFixture.serve { fixture in
            let verbs = [
                ["status"], ["--json", "status"], ["top", "--count", "1"], ["metrics"],
                ["profile", "get", "5"], ["call", "version"], ["user", "export", "77"],
                ["audit", "list"], ["quarantine", "list"],
                ["quarantine", "show", "17/4711", "--raw"],
                ["quarantine", "replay", "17/4711"], ["audit", "verify"],
                ["snapshot", "create"], ["profile", "watch", "--after", "7-50", "--count", "1"],
                ["--json", "snapshot", "show", "9"], ["--json", "nonsense"], ["--help"],
                ["--version"],
            ]
            for verb in verbs {
                let child = try await script(fixture, #""$CTL" "$@" >/dev/full"#, verb)
                #expect(child.status == 74, "\(verb): \(child.status)")
                let start = "ubpctl: standard output cannot be written: no space is left\n"
                #expect(child.error.hasPrefix(start + "  make room"), "\(verb): \(child.error)")
            }
        }
    }

    @Test func `shows control characters of texts from outside as points`() async throws {
        try await ServerFixture.serve { fixture in
            let reason = "\u{1B}[31mred\nubpctl: \u{9B}2J\u{7F}"
            let shown = "·[31mred·ubpctl: ·2J·"
            fixture.service.state.withLock { $0.report.hold = reason }
            let status = try await script(fixture, #""$CTL" status"#)
            #expect(status.output.contains(", HELD: \(shown)\n"), "\(status.output)")
            let rollback = #""$CTL" snapshot rollback 1 --reason "$1""#
            let moved = try await script(fixture, rollback, [reason])
            #expect(moved.output.hasSuffix("; held: \(shown)\n"), "\(moved.output)")
            fixture.service.fail(with: .held(reason: reason))
            let refused = try await script(fixture, #""$CTL" snapshot release"#)
            #expect(refused.error.contains(shown), "\(refused.error)")
            #expect(!refused.error.contains("\u{1B}"))
        }
    }

    @Test func `is not ended by a standard error that takes nothing`() async throws {
        try await ServerFixture.serve { fixture in
            let child = try await script(fixture, #""$CTL" snapshot show 9 2>/dev/full"#)
            #expect(child.status == 1 && child.output.isEmpty)
        }
    }
}
