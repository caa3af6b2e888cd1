import CMalloc
import Glibc
import Synchronization

/// What a program asks of, and tells, the system about itself.
package enum CurrentProcess {
    /// Its process id.
    package static var id: Int32 { getpid() }

    /// Niceness below which no thread of a `ThreadExecutor` starts, 0…19.
    static var leastNiceness: Int32 { least.load(ordering: .relaxed) }

    private static let least = Atomic<Int32>(0)

    /// Raises the niceness of every thread to at least `niceness`, 0…19, of those of a
    /// `ThreadExecutor` that start later too.
    ///
    /// The threads that libdispatch runs tasks on are beyond reach: where it may, it gives each new
    /// one niceness 0 (setpriority(2); `LimitNICE=` of the units lets it), and what no executor runs
    /// is done at that. Linux derives the priority of disk accesses from niceness (ioprio_set(2)) as
    /// long as nobody sets another one. A failure does not matter: the work is only less polite.
    package static func lowerPriority(to niceness: Int32, disk: any Disk) {
        least.store(niceness, ordering: .relaxed)
        let threads = (try? disk.names(in: "/proc/self/task")) ?? []
        for thread in threads.compactMap({ id_t($0) }) {
            lowerPriority(ofThread: thread, to: niceness)
        }
    }

    /// Raises the niceness of one thread, 0 the caller's, to at least `niceness`.
    static func lowerPriority(ofThread thread: id_t, to niceness: Int32) {
        // Each thread has a niceness of its own (setpriority(2), "C library/kernel differences").
        let process = __priority_which_t(PRIO_PROCESS.rawValue)
        guard getpriority(process, thread) < niceness else { return }
        _ = setpriority(process, thread, niceness)
    }

    /// Gives memory that was freed back to the system (malloc_trim(3)), whole pages of all arenas.
    ///
    /// What one step of a long work has freed would else stand beside what the next one takes.
    package static func returnFreedMemory() { _ = malloc_trim(0) }
}
