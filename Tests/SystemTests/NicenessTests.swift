import Foundation
import TestSupport
import Testing

/// Who yields to whom.
@Suite(.timeLimit(.minutes(5)))
struct NicenessTests {
    /// Runs a command and prints the name and the niceness of every thread it was seen with.
    private static let sampler = """
        import os, subprocess, sys, time
        process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
        seen = set()
        while process.poll() is None:
            try:
                for thread in os.listdir(f"/proc/{process.pid}/task"):
                    text = open(f"/proc/{process.pid}/task/{thread}/stat").read()
                    end = text.rindex(")")
                    # proc_pid_stat(5): niceness is the 19th field, the 17th behind the name.
                    seen.add((text[text.index("(") + 1:end], int(text[end + 2:].split()[16])))
            except OSError:
                pass
            time.sleep(0.001)
        for name, niceness in sorted(seen):
            print(niceness, name)
        sys.exit(process.returncode)
        """

    @Test func `no thread of a refresh that computes is less nice than it is told`() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path
        _ = try await Programs.ubpd([
            "simulate", "--users", "300", "--days", "45", "--seed", "5", "--out", "\(path)/shop",
        ]).successful()
        let made = try await Child.python(
            Self.sampler,
            [
                "\(Programs.directory)/ubpd", "refresh", "--encoders", "--quick",
                "--log-dir", "\(path)/shop/log", "--state-dir", "\(path)/state",
                "--set", "refresh.niceness=11",
            ]
        ).successful()
        var least: [String: Int] = [:]
        for line in made.output.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2, let niceness = Int(words[0]) else { continue }
            least[String(words[1])] = min(least[String(words[1])] ?? 19, niceness)
        }
        // The main thread and libdispatch's have been there before it was told, or do as they like.
        let own = least.filter { $0.key != "ubpd" && !$0.key.contains("-qos") }
        for name in ["trainer", "profiler", "explain"] { #expect(own[name] == 11, "\(least)") }
        #expect(own.allSatisfy { $0.value >= 11 || $0.key.contains("dispatch") }, "\(least)")
    }
}
