import Glibc

/// What a program asks of, and tells, the system about itself.
package enum CurrentProcess {
    /// Its process id.
    package static var id: Int32 { getpid() }

    /// Raises the niceness of every thread to at least `niceness`, 0…19; new threads inherit it.
    ///
    /// Linux derives the priority of disk accesses from it (ioprio_set(2)) as long as nobody sets
    /// another one. A failure does not matter: the work is only done less politely.
    package static func lowerPriority(to niceness: Int32, disk: any Disk) {
        // Each thread has a niceness of its own (setpriority(2), "C library/kernel differences").
        let threads = (try? disk.names(in: "/proc/self/task")) ?? []
        let process = __priority_which_t(PRIO_PROCESS.rawValue)
        for thread in threads.compactMap({ id_t($0) })
        where getpriority(process, thread) < niceness {
            _ = setpriority(process, thread, niceness)
        }
    }
}
