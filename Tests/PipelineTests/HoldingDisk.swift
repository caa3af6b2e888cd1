import Foundation
import Storage
import TestSupport

/// The real disk, on which files of some paths are opened only after `release`.
final class HoldingDisk: WrappingDisk {
    let real = RealDisk()
    private let gate = Gate()
    private let part: String

    /// - Parameter part: of the paths that are held.
    init(holding part: String) { self.part = part }

    /// Whether somebody waits.
    var isAwaited: Bool { gate.isAwaited }

    /// Lets everybody on, now and later.
    func release() { gate.open() }

    func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> any DiskFile {
        if path.contains(part) { gate.pass() }
        return try real.open(path, mode)
    }
}

/// Holds threads up until it is opened.
// Sendable because `condition` guards every variable.
private final class Gate: @unchecked Sendable {
    private let condition = NSCondition()
    private var isOpen = false
    private var waiterCount = 0

    var isAwaited: Bool {
        condition.lock()
        defer { condition.unlock() }
        return waiterCount > 0
    }

    func pass() {
        condition.lock()
        defer { condition.unlock() }
        waiterCount += 1
        while !isOpen { condition.wait() }
        waiterCount -= 1
    }

    func open() {
        condition.lock()
        defer { condition.unlock() }
        isOpen = true
        condition.broadcast()
    }
}
