import Glibc

/// Other processes of the machine: whether one is there, and asking it to end.
package protocol ProcessTable: Sendable {
    /// Whether a process with this id exists, whoever owns it.
    func isAlive(_ process: Int32) -> Bool
    /// Sends SIGTERM; false when there is no such process, or it is another user's.
    func terminate(_ process: Int32) -> Bool
}

/// The machine's processes (kill(2)).
package struct RealProcessTable: ProcessTable {
    package init() {}

    /// Whether a process with this id exists; one that may not be signalled does.
    package func isAlive(_ process: Int32) -> Bool {
        process > 1 && (kill(process, 0) == 0 || errno == EPERM)
    }

    /// Sends SIGTERM to one process; never to a group.
    package func terminate(_ process: Int32) -> Bool {
        process > 1 && kill(process, SIGTERM) == 0
    }
}
