import Storage
import Synchronization
import TestSupport
import Testing

/// An actor that lives on a thread of its own.
private actor Counter {
    private let executor: ThreadExecutor
    private(set) var count = 0

    init(executor: ThreadExecutor) {
        self.executor = executor
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    func add() -> Bool {
        count += 1
        return executor.isCurrent
    }

    /// Suspends often, so that its next part is enqueued from the own thread.
    func addSlowly(_ times: Int) async {
        for _ in 0..<times {
            count += 1
            await Task.yield()
        }
    }

    nonisolated func addWithoutAwait() {
        assumeIsolated { $0.count += 1 }
    }

    func callBack() {
        addWithoutAwait()
    }

    /// An executor whose thread this one's makes.
    func makeExecutor(niceness: Int32) -> ThreadExecutor {
        ThreadExecutor(name: "ubpd-inner", niceness: niceness)
    }

    /// Niceness of the thread that runs this, as proc_pid_stat(5) has it.
    func niceness(_ disk: RealDisk) throws -> Int? {
        let text = try disk.text(of: "/proc/thread-self/stat", limit: 4096)
        // The 19th field, the 17th behind the name.
        let words = text.split(separator: ")").last?.split(separator: " ") ?? []
        return words.count > 16 ? Int(words[16]) : nil
    }

    /// Scheduling policy of the thread that runs this, the 41st field there.
    func policy(_ disk: RealDisk) throws -> Int? {
        let text = try disk.text(of: "/proc/thread-self/stat", limit: 4096)
        let words = text.split(separator: ")").last?.split(separator: " ") ?? []
        return words.count > 38 ? Int(words[38]) : nil
    }

    /// `<pid>/task/<tid>` and the name of the thread that runs this.
    func thread(_ disk: RealDisk) throws -> (path: String?, name: String) {
        (
            try disk.link("/proc/thread-self"),
            try disk.text(of: "/proc/thread-self/comm", limit: 100)
        )
    }
}

@Suite struct ThreadExecutorTests {
    @Test func `runs an actor on its thread, one job at a time`() async {
        let executor = ThreadExecutor(name: "ubpd-test")
        let counter = Counter(executor: executor)
        let onThread = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<1000 { group.addTask { await counter.add() } }
            return await group.reduce(true) { $0 && $1 }
        }
        #expect(onThread)
        #expect(await counter.count == 1000)
        await counter.addSlowly(1000)
        await counter.callBack()
        #expect(await counter.count == 2001)
        #expect(!executor.isCurrent)
        executor.stop()
        executor.stop()
    }

    @Test(.enabled(if: SpareTime.canBeLeft, "needs RLIMIT_NICE of 20, or root"))
    func `runs in spare time until it is wanted`() async throws {
        let executor = ThreadExecutor(name: "ubpd-test")
        let counter = Counter(executor: executor)
        // SCHED_OTHER is 0, SCHED_IDLE 5 (sched(7)).
        #expect(try await counter.policy(RealDisk()) == 0)
        executor.setSpareTime(true)
        #expect(try await counter.policy(RealDisk()) == 5)
        executor.setSpareTime(false)
        #expect(try await counter.policy(RealDisk()) == 0)
        // Said before the thread has begun, or after: it holds.
        let other = ThreadExecutor(name: "ubpd-test-2")
        other.setSpareTime(true)
        #expect(try await Counter(executor: other).policy(RealDisk()) == 5)
        executor.stop()
        other.stop()
    }

    @Test func `shows its name in proc`() async throws {
        let executor = ThreadExecutor(name: "ubpd-a-rather-long-name", niceness: 1)
        let thread = try await Counter(executor: executor).thread(RealDisk())
        #expect(thread.name == "ubpd-a-rather-l\n")
        executor.stop()
    }

    @Test func `a thread is no less nice than its maker`() async throws {
        let nice = ThreadExecutor(name: "ubpd-nice", niceness: 3)
        let inner = await Counter(executor: nice).makeExecutor(niceness: 1)
        #expect(try await Counter(executor: nice).niceness(RealDisk()) == 3)
        #expect(try await Counter(executor: inner).niceness(RealDisk()) == 3)
        inner.stop()
        nice.stop()
    }

    @Test func `several executors run side by side`() async {
        let counters = (0..<4).map { Counter(executor: ThreadExecutor(name: "ubpd-\($0)")) }
        await withTaskGroup(of: Void.self) { group in
            for round in 0..<400 { group.addTask { _ = await counters[round % 4].add() } }
        }
        for counter in counters { #expect(await counter.count == 100) }
    }

    @Test func `its thread ends with it`() async throws {
        let disk = RealDisk()
        let path = try #require(try await pathOfMortalThread(disk))
        // It ends by itself, a little later; one that did not would fail below.
        let pause = WakeFlag()
        for _ in 0..<1000 where try disk.status(path) != nil { pause.wait(milliseconds: 10) }
        #expect(try disk.status(path) == nil)
    }

    /// Where /proc shows the thread of an executor that is gone when this returns.
    private func pathOfMortalThread(_ disk: RealDisk) async throws -> String? {
        let counter = Counter(executor: ThreadExecutor(name: "ubpd-mortal"))
        let path = try await counter.thread(disk).path.map { "/proc/" + $0 }
        #expect(try path.map(disk.status) != nil)
        return path
    }
}
