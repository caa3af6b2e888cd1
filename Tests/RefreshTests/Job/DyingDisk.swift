import Storage
import Synchronization
import TestSupport

/// The real disk until a change of it that was chosen beforehand; from then on a process that was
/// killed, to which every operation fails.
///
/// SQLite goes past it, and stands where its last transaction left it.
final class DyingDisk: WrappingDisk {
    let real = RealDisk()
    private let left: Mutex<Int?>
    private let changes = Mutex(0)
    /// Bytes that are said to be free; nil for the truth.
    private let free: Int64?

    /// Dies at the change number `changeCount`, from 0, before it happens; nil never does.
    init(after changeCount: Int? = nil, free: Int64? = nil) {
        left = Mutex(changeCount)
        self.free = free
    }

    /// Changes so far.
    var changeCount: Int { changes.withLock { $0 } }
    /// Whether it is over.
    var isDead: Bool { left.withLock { $0 == -1 } }

    private func change() throws(StorageError) {
        changes.withLock { $0 += 1 }
        try live()
        let dies = left.withLock { left in
            guard let count = left else { return false }
            left = count - 1
            return count == 0
        }
        if dies { throw .missing(path: "killed") }
    }

    private func live() throws(StorageError) {
        if isDead { throw .missing(path: "killed") }
    }

    func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> any DiskFile {
        if mode == .read { try live() } else { try change() }
        return try real.open(path, mode)
    }

    func status(_ path: String) throws(StorageError) -> FileStatus? {
        try live()
        return try real.status(path)
    }

    func names(in directory: String) throws(StorageError) -> [String] {
        try live()
        return try real.names(in: directory)
    }

    func makeDirectory(_ path: String) throws(StorageError) {
        try change()
        try real.makeDirectory(path)
    }

    func rename(_ path: String, to target: String) throws(StorageError) {
        try change()
        try real.rename(path, to: target)
    }

    func exchange(_ path: String, with other: String) throws(StorageError) {
        try change()
        try real.exchange(path, with: other)
    }

    func remove(_ path: String) throws(StorageError) {
        try change()
        try real.remove(path)
    }

    func syncDirectory(_ path: String) throws(StorageError) {
        try change()
        try real.syncDirectory(path)
    }

    func freeByteCount(_ path: String) throws(StorageError) -> Int64 {
        try live()
        if let free { return free }
        return try real.freeByteCount(path)
    }
}

/// A clock on which a second passes with every look at it, so that whatever is due now and then is
/// due always.
final class HastyClock: Clock {
    private let looks = Mutex<UInt64>(0)

    func seconds() -> Int64 { 1_700_000_000 }

    func monotonicNanoseconds() -> UInt64 {
        looks.withLock {
            $0 += 1
            return $0 * 1_000_000_000
        }
    }
}
