import Foundation
import Snapshots
import Storage

/// How a batch refresh stands, as it says itself in `<state_dir>/refresh/progress.json`.
package struct RefreshCondition: Sendable, Equatable, Codable {
    /// The step it is at, its number from 1 (0 while it is planned), and how many there are.
    package var step: String
    package var stepIndex: Int
    package var stepCount: Int
    /// Share of this step that is done, 0…1.
    package var fraction: Double
    /// More on the step, for people.
    package var detail: String?
    /// Seconds left in this step; nil while unknown.
    package var secondsLeft: Double?
    /// Seconds since 1970, wall clock: its start, and when this was written.
    package var started: Int64
    package var updated: Int64
    package var pid: Int32
    /// `running`, `done`, `failed` or `cancelled`, as it wrote.
    package var state: String
    /// Why it failed.
    package var error: String?
    /// Whether a refresh holds the directory now; one that was killed does not.
    package var isRunning = false

    private enum CodingKeys: String, CodingKey {
        case step, fraction, detail, started, updated, pid, state, error
        case stepIndex = "step_index"
        case stepCount = "step_count"
        case secondsLeft = "seconds_left"
    }

    package init(
        step: String, stepIndex: Int, stepCount: Int, fraction: Double, started: Int64,
        updated: Int64, pid: Int32, state: String
    ) {
        self.step = step
        self.stepIndex = stepIndex
        self.stepCount = stepCount
        self.fraction = fraction
        self.started = started
        self.updated = updated
        self.pid = pid
        self.state = state
    }
}

/// Looks at the refresh of this state directory, and stops it on an operator's word.
///
/// A refresh is a process of its own. It holds the lock of `<state_dir>/refresh` while it runs.
actor RefreshWatch {
    private nonisolated let executor = ThreadExecutor(name: "refresh-watch")
    private let directory: String
    private let host: Storage.Host
    private let processes: any ProcessTable

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(
        stateDirectory: String, host: Storage.Host, processes: any ProcessTable = RealProcessTable()
    ) {
        directory = stateDirectory + "/refresh"
        self.host = host
        self.processes = processes
    }

    /// What the progress file says, and whether that is still so; nil when there is no file, or
    /// none that can be read.
    func condition() -> RefreshCondition? {
        let path = directory + "/progress.json"
        guard let bytes = try? host.disk.bytes(of: path, limit: 1 << 16),
            var condition = try? JSONDecoder().decode(RefreshCondition.self, from: Data(bytes))
        else { return nil }
        condition.isRunning =
            condition.state == "running" && condition.pid > 1 && isHeld
            && processes.isAlive(condition.pid)
        return condition
    }

    /// Asks the refresh to stop (SIGTERM); it keeps what it has and goes on from there next time.
    func cancel(dryRun: Bool) throws(PipelineError) -> RefreshCondition {
        guard let condition = condition(), condition.isRunning else { throw .noRefresh }
        if !dryRun, !processes.terminate(condition.pid) {
            throw .state(
                "process \(condition.pid) could not be told to stop; stop `ubpd refresh` as the user "
                    + "who started it")
        }
        return condition
    }

    /// Whether some process holds the directory: a lock that can be had is nobody's.
    private var isHeld: Bool {
        guard let file = try? host.disk.open(directory + "/lock", OpenMode.update) else {
            return false
        }
        return (try? file.lock()) == false
    }
}
