import Foundation
import Glibc

/// Runs an actor's work on one thread of its own, so that it may block (DESIGN §2).
///
/// The thread is named after its executor in /proc/<pid>/task/<tid>/comm, and ends when the
/// executor is stopped or gone, after the jobs that were waiting. One round trip between two
/// threads costs about 34 µs here.
package final class ThreadExecutor: SerialExecutor {
    private let queue: JobQueue

    /// - Parameters:
    ///   - name: at most 15 bytes of it are shown (pthread_setname_np(3)).
    ///   - niceness: 0…19; the thread's is the highest of this, of its maker's, and of what
    ///     `CurrentProcess.lowerPriority` has set. 19 yields to everybody.
    package init(name: String, niceness: Int32 = 0) {
        let queue = JobQueue()
        self.queue = queue
        let thread = Thread { queue.run(name: name, niceness: niceness) }
        thread.start()
    }

    deinit {
        queue.stop()
    }

    /// Hands a job to the thread; wakes it only when it sleeps.
    package func enqueue(_ job: consuming ExecutorJob) {
        // SAFETY: the runtime keeps a job and its actor, hence this executor, until it has run.
        let entry = unsafe JobQueue.Entry(
            job: UnownedJob(job), executor: asUnownedSerialExecutor())
        queue.append(entry)
    }

    /// What an actor answers as its `unownedExecutor`; it must hold this executor all its life.
    @safe package var unowned: UnownedSerialExecutor { asUnownedSerialExecutor() }

    @safe package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        // SAFETY: whoever asks holds the executor, as an actor does for its whole life.
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    /// Traps unless called on this executor's thread: what `assumeIsolated` asks.
    package func checkIsolated() {
        precondition(isCurrent, "not on the executor's thread")
    }

    /// Whether the caller runs on this executor's thread.
    package var isCurrent: Bool { queue.isCurrentThread }

    /// Has the thread run only in time that no other thread wants, or as any other from now on.
    ///
    /// `SCHED_IDLE`, sched(7): whoever wakes takes the processor from it at once, where a thread that
    /// is merely nicer may keep it until the next tick, 4 ms here. Whoever comes to wait for the
    /// thread's work must take it back, or waits for as long as others are busy. Does nothing where
    /// it could not be taken back, for want of `RLIMIT_NICE`.
    package func setSpareTime(_ isOn: Bool) {
        guard SpareTime.canBeLeft else { return }
        queue.setSpareTime(isOn)
    }

    /// Ends the thread after the jobs that wait, and waits for its end; once stopped it stays so.
    ///
    /// Not from the thread itself. A job that comes later is a mistake and traps.
    package func stop() {
        precondition(!isCurrent, "an executor cannot wait for its own thread")
        queue.stop()
        queue.waitForEnd()
    }
}

/// The jobs of one executor and the thread that takes them.
// Sendable because `condition` guards every variable.
private final class JobQueue: @unchecked Sendable {
    /// A job and the executor it runs on.
    @safe struct Entry {
        let job: UnownedJob
        // SAFETY: alive while its job waits (see `ThreadExecutor.enqueue`).
        let executor: UnownedSerialExecutor
    }

    private let condition = NSCondition()
    private var waiting: [Entry] = []
    private var thread: Thread?
    /// Of the thread, once it runs: a process id by itself (sched(7)).
    private var threadID: pid_t?
    private var hasSpareTime = false
    private var isIdle = false
    private var isStopping = false
    private var hasEnded = false

    var isCurrentThread: Bool {
        condition.lock()
        defer { condition.unlock() }
        return thread === Thread.current
    }

    func append(_ entry: Entry) {
        condition.lock()
        defer { condition.unlock() }
        precondition(!hasEnded, "a job came after its executor was stopped")
        waiting.append(entry)
        // A thread that is running a job, such as the one that enqueues this, looks again itself.
        if isIdle {
            isIdle = false
            condition.signal()
        }
    }

    func setSpareTime(_ isOn: Bool) {
        condition.lock()
        defer { condition.unlock() }
        guard hasSpareTime != isOn, !hasEnded else { return }
        hasSpareTime = isOn
        if let threadID { SpareTime.set(isOn, ofThread: threadID) }
    }

    func stop() {
        condition.lock()
        defer { condition.unlock() }
        isStopping = true
        isIdle = false
        condition.broadcast()
    }

    func waitForEnd() {
        condition.lock()
        defer { condition.unlock() }
        while !hasEnded { condition.wait() }
    }

    /// The thread's life: batches of jobs until it is told to stop and none is left.
    func run(name: String, niceness: Int32) {
        condition.lock()
        thread = Thread.current
        threadID = SpareTime.currentThread()
        if hasSpareTime, let threadID { SpareTime.set(true, ofThread: threadID) }
        condition.unlock()
        labelThread(name, niceness)
        while let entries = next() {
            for entry in entries {
                // SAFETY: each job is taken from the queue once and so run once.
                unsafe entry.job.runSynchronously(on: entry.executor)
            }
        }
    }

    /// The jobs that wait; nil when the thread shall end.
    private func next() -> [Entry]? {
        condition.lock()
        defer { condition.unlock() }
        while waiting.isEmpty {
            if isStopping {
                hasEnded = true
                condition.broadcast()
                return nil
            }
            isIdle = true
            condition.wait()
        }
        isIdle = false
        let entries = waiting
        waiting = []
        return entries
    }
}

/// Lowers the calling thread's priority and shows `name` in /proc; failures do not matter.
private func labelThread(_ name: String, _ niceness: Int32) {
    // Its maker may be one of libdispatch's threads, which set their own (CurrentProcess).
    CurrentProcess.lowerPriority(ofThread: 0, to: max(niceness, CurrentProcess.leastNiceness))
    // proc(5): a thread may write its own comm. Foundation's `Thread.name` does not reach it while
    // the thread is starting.
    // SAFETY: the path and the bytes live through their calls; the file takes no pwrite(2).
    let comm = unsafe open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard comm >= 0 else { return }
    _ = unsafe Array(name.utf8.prefix(15)).withUnsafeBytes { bytes in
        unsafe write(comm, bytes.baseAddress, bytes.count)
    }
    _ = close(comm)
}
