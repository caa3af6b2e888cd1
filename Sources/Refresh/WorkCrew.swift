import Foundation
import Storage

/// Threads that share the parts of a piece of work with the one that hands it out.
///
/// That one may do something else between `begin` and `finish`. Whoever is free takes the next
/// part, so which thread does one is chance: parts must not depend on it.
final class WorkCrew: Sendable {
    /// The caller's included.
    let threadCount: Int
    private let board = WorkBoard()

    /// - Parameter threadCount: ≥ 1; with 1, `finish` does all of it.
    init(threadCount: Int) {
        precondition(threadCount >= 1, "WorkCrew: \(threadCount) threads")
        self.threadCount = threadCount
        for index in stride(from: 1, to: threadCount, by: 1) {
            let member = CrewMember(name: "folds-\(index)")
            Task { [board] in await member.work(on: board) }
        }
    }

    /// Hands out parts 0 ..< `count`; the piece before must be finished.
    func begin(_ count: Int, _ part: @escaping @Sendable (Int) -> Void) {
        board.begin(count, part)
    }

    /// Takes parts that nobody has begun, and waits for those that somebody has.
    func finish() { board.finish() }

    /// Both at once.
    func perform(_ count: Int, _ part: @escaping @Sendable (Int) -> Void) {
        begin(count, part)
        finish()
    }

    /// Sends the threads home; nothing may be handed out afterwards.
    func stop() { board.stop() }
}

/// A thread of a crew; it ends with its actor.
private actor CrewMember {
    private nonisolated let executor: ThreadExecutor

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(name: String) { executor = ThreadExecutor(name: name) }

    func work(on board: WorkBoard) { board.work() }
}

/// What is to be done.
// Sendable because `condition` guards every variable.
private final class WorkBoard: @unchecked Sendable {
    private let condition = NSCondition()
    private var part: (@Sendable (Int) -> Void)?
    private var count = 0
    /// The next part, and parts that are done.
    private var next = 0
    private var doneCount = 0
    private var isStopping = false

    func begin(_ count: Int, _ part: @escaping @Sendable (Int) -> Void) {
        condition.lock()
        defer { condition.unlock() }
        precondition(doneCount == self.count && !isStopping, "WorkCrew: not finished")
        (self.part, self.count, next, doneCount) = (part, count, 0, 0)
        condition.broadcast()
    }

    func finish() {
        while let (part, index) = take(mayWait: false) { run(part, index) }
        condition.lock()
        defer { condition.unlock() }
        while doneCount < count { condition.wait() }
        part = nil
    }

    func stop() {
        condition.lock()
        defer { condition.unlock() }
        isStopping = true
        condition.broadcast()
    }

    /// A member's life.
    func work() {
        while let (part, index) = take(mayWait: true) { run(part, index) }
    }

    private func run(_ part: @Sendable (Int) -> Void, _ index: Int) {
        part(index)
        condition.lock()
        defer { condition.unlock() }
        doneCount += 1
        if doneCount == count { condition.broadcast() }
    }

    /// The next part; nil when there is none, or when there never will be one again.
    private func take(mayWait: Bool) -> (part: @Sendable (Int) -> Void, index: Int)? {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let part, next < count {
                next += 1
                return (part, next - 1)
            }
            guard mayWait, !isStopping else { return nil }
            condition.wait()
        }
    }
}
