import ControlProtocol
import Foundation
import Storage
import Synchronization
import TestSupport

/// The built programs and the scripts beside them.
enum Programs {
    /// Directory of the test bundle, where the build puts every program.
    static let directory = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path
    static let root = URL(filePath: #filePath).appending(path: "../../..").standardized.path

    /// Runs `ubpd` to its end.
    static func ubpd(_ arguments: [String]) async throws -> Child {
        try await Child.run(["\(directory)/ubpd"] + arguments)
    }

    /// Writes a made-up shop's log of about `users` users as one segment of `directory`.
    static func makeLog(_ directory: String, users: Int) async throws {
        try RealDisk().makeDirectory(directory)
        let segment = "\(directory)/00000000000000000001.ndjson.lz4"
        let made = try await Child.run([
            "sh", "-c",
            "python3 \(root)/scripts/demo_log.py --seed 3 --users \(users) | lz4 -qc > \(segment)",
        ])
        guard made.status == 0 else { throw Failure(what: "the log: \(made.error)") }
    }
}

/// What a test could not go on with.
struct Failure: Error {
    var what: String
}

/// A daemon run as a program, with its own state directory and socket.
final class RunningDaemon: Sendable {
    let socket: String
    private let process: Mutex<Process>

    /// Starts `ubpd run`, behind the words of `prefix`; it may not be ready yet.
    init(
        log: String, state: String, settings: [String] = [], prefix: [String] = [],
        options: [String] = []
    ) throws {
        socket = "\(state).sock"
        let made = Process()
        made.executableURL = URL(filePath: "/usr/bin/env")
        made.arguments =
            prefix + ["\(Programs.directory)/ubpd"]
            + ["run", "--log-dir", log, "--state-dir", state, "--socket", socket]
            + settings.flatMap { ["--set", $0] } + options
        made.standardError = FileHandle.nullDevice
        made.standardOutput = FileHandle.nullDevice
        try made.run()
        process = Mutex(made)
    }

    deinit {
        process.withLock { process in
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            process.waitUntilExit()
        }
    }

    /// Sends a signal.
    func signal(_ number: Int32) {
        _ = process.withLock { kill($0.processIdentifier, number) }
    }

    /// Waits for the end; the exit status, negative for a signal.
    func exitStatus() -> Int32 {
        process.withLock { process in
            process.waitUntilExit()
            let status = process.terminationStatus
            return process.terminationReason == .uncaughtSignal ? -status : status
        }
    }

    /// Runs `ubpctl --json`; its document.
    func control(_ arguments: [String]) async throws -> JSONValue {
        let child = try await Child.run(
            ["\(Programs.directory)/ubpctl", "--socket", socket, "--json"] + arguments)
        guard child.status == 0 else {
            throw Failure(what: "\(arguments): \(child.status) \(child.output)\(child.error)")
        }
        return try JSONParser.parse(Array(child.output.utf8))
    }

    /// Asks until the daemon answers, then for `condition`; gives up after a minute.
    func wait(for condition: (JSONValue) -> Bool) async throws -> JSONValue {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(60)
        while clock.now < end {
            if let status = try? await control(["status"]), condition(status) { return status }
        }
        throw Failure(what: "the daemon did not come to the condition within a minute")
    }

    /// Publishes a snapshot of the whole log; its directory.
    func snapshot() async throws -> String {
        _ = try await wait { _ in true }
        let made = try await control(["snapshot", "create", "--wait-for-lag", "0"])
        guard case .string(let path)? = made["path"] else {
            throw Failure(what: "no path in \(made)")
        }
        return path
    }
}
