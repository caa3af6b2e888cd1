import Testing

/// Files, clocks and chance come through `Storage.Host` and nothing else (DESIGN §1, invariant 3).
///
/// docs/decisions/0002-seam.md says why, and what goes past it.
@Suite struct SeamTests {
    @Test(arguments: SourceFile.sources)
    func `takes files, time and chance from the host`(file: SourceFile) {
        guard !file.path.hasPrefix("Sources/Storage/") else { return }
        for (name, words) in pastTheSeam {
            let isExcused = exceptions.contains { $0.path == file.path && $0.name == name }
            for line in words.flatMap(file.lines(mentioning:)) where !isExcused {
                Issue.record("\(file):\(line): \(name) past Storage.Host")
            }
        }
    }

    @Test(arguments: exceptions)
    func `has no exception that is not needed`(exception: Exception) throws {
        let file = try #require(SourceFile.sources.first { $0.path == exception.path })
        let words = try #require(pastTheSeam.first { $0.name == exception.name }).words
        #expect(words.contains { !file.lines(mentioning: $0).isEmpty }, "no need of it any more")
    }
}

/// What reaches the machine without a host; `SourceFile.lines(mentioning:)` looks for it.
private let pastTheSeam: [(name: String, words: [String])] = [
    (
        "files",
        [
            "FileManager", "FileDescriptor", "openat(", "Glibc.open(", "fopen(", "opendir(",
            "mmap(", "String(contentsOf", "Data(contentsOf", "contentsOfFile:", "write(toFile:",
            "write(to: URL",
        ]
    ),
    ("standard streams", ["FileHandle"]),
    ("environment", ["ProcessInfo", "getenv("]),
    (
        "clock",
        [
            "Date(", "Date.now", "clock_gettime", "gettimeofday", "ContinuousClock",
            "SuspendingClock", "DispatchTime", "DispatchWallTime",
        ]
    ),
    ("timer", ["Task.sleep", "Thread.sleep", "usleep(", "nanosleep(", "sleep("]),
    (
        "chance",
        [
            "SystemRandomNumberGenerator", "random(in:", "random()", "shuffled()", "shuffle()",
            "randomElement()", "UUID()", "arc4random", "getrandom(", "Hasher()", "hashValue",
        ]
    ),
]

/// One file that may do one thing past the seam, and why.
struct Exception: CustomTestStringConvertible, Sendable {
    let path: String
    let name: String
    let reason: String

    var testDescription: String { "\(path): \(name), \(reason)" }
}

private let exceptions = [
    Exception(
        path: "Sources/ubpctl/UserFile.swift", name: "standard streams",
        reason: "the client of the socket stands outside the daemon and imports no Storage"),
    Exception(
        path: "Sources/ubpctl/UserCommands.swift", name: "files",
        reason: "an export goes to a file that nobody else may read, on the operator's machine"),
    Exception(
        path: "Sources/ubpctl/StandardStreams.swift", name: "standard streams",
        reason: "all that the client of the socket says goes through it, checked"),
    Exception(
        path: "Sources/ubpctl/Units.swift", name: "clock",
        reason: "prints how long ago a snapshot was made; nothing is stored"),
    Exception(
        path: "Sources/ubpctl/ControlClient.swift", name: "timer",
        reason: "how long an operator waits for an answer"),
    Exception(
        path: "Sources/ubpctl/TopCommand.swift", name: "timer",
        reason: "how long an operator looks at what was shown"),
    Exception(
        path: "Sources/ubpctl/Watching.swift", name: "timer",
        reason: "how long an operator looks at what was shown"),
    Exception(
        path: "Sources/ubpctl/Watching.swift", name: "environment",
        reason: "TERM and NO_COLOR say what the terminal can and may do"),
    Exception(
        path: "Sources/Daemon/Metrics/MetricsFileService.swift", name: "timer",
        reason: "the pace of a file for people who look at clocks; no state depends on it"),
    Exception(
        path: "Sources/Daemon/Control/MethodTable+Watch.swift", name: "timer",
        reason: "how long a peer is willing to wait for a change; no state depends on it"),
    Exception(
        path: "Sources/ubpctl/WatchCommand.swift", name: "timer",
        reason: "how long a restarting daemon is given before it is asked again"),
    Exception(
        path: "Sources/ubpctl/WaitingLine.swift", name: "timer",
        reason: "the pace of a line for people; nothing waits for it"),
    Exception(
        path: "Sources/ubpctl/WaitingLine.swift", name: "environment",
        reason: "TERM and NO_COLOR say what the terminal can and may do"),
    Exception(
        path: "Sources/ubpctl/UBPCtl.swift", name: "environment",
        reason: "UBPD_SOCKET names the socket"),
    Exception(
        path: "Sources/Daemon/Service/StatusReporter.swift", name: "timer",
        reason: "the pace of systemd's watchdog, which is real time by definition"),
    Exception(
        path: "Sources/ubpd/ImportCommand.swift", name: "standard streams",
        reason: "a table may come from standard input; progress goes to standard error"),
    Exception(
        path: "Sources/ubpd/StandardError.swift", name: "standard streams",
        reason: "errors of a program go to its standard error"),
]
