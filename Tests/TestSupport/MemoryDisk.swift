import Storage
import Synchronization

/// A disk in memory that can fail and can lose what was not synced.
///
/// Durability is POSIX's at its strictest: content survives `crash()` only when its file was
/// synced, a name only when its directory was. Every call of `Disk` and `DiskFile` is one
/// operation, numbered from 0, and `inject` makes a chosen one fail. Relative paths start at `/`.
package final class MemoryDisk: Disk {
    /// What happens to one operation.
    package enum Fault: Sendable {
        /// It throws this errno and changes nothing.
        case error(Int32)
        /// A read returns at most this many bytes; no effect on other operations.
        case shortRead(Int)
        /// fsync fails, and as on Linux a later fsync of the file succeeds without saving anything.
        case syncFailure
        /// This operation and all later ones fail until `crash()` starts the machine again.
        case powerLoss
    }

    /// What a crash leaves of changes that were not synced.
    package enum Survival: Sendable {
        case nothing
        /// Of each file all, none or a part of its changes; of each directory a prefix of them.
        case some(seed: UInt64)
    }

    let state: Mutex<MemoryTree>
    private let clock: (any Clock)?

    /// - Parameters:
    ///   - capacity: bytes that all files together may hold; beyond it writes fail with ENOSPC.
    ///   - clock: what dates changes; without one every change is at 0 s.
    package init(capacity: Int64 = 1 << 40, clock: (any Clock)? = nil) {
        state = Mutex(MemoryTree(capacity: capacity))
        self.clock = clock
    }

    /// Operations so far, failed ones included.
    package var operationCount: Int { state.withLock { $0.operationCount } }

    /// Makes operation number `operation`, counted over the disk's life, meet `fault`.
    package func inject(_ fault: Fault, at operation: Int) {
        state.withLock { $0.faults[operation] = fault }
    }

    /// Forgets the faults that were injected and have not happened yet.
    package func removeFaults() {
        state.withLock { $0.faults = [:] }
    }

    /// Power off and on: open files die, locks fall, and unsynced changes are lost.
    package func crash(_ survival: Survival = .nothing) {
        state.withLock { $0.crash(survival) }
        checkInvariants()
    }

    /// Every file's content by its path, ascending; a link counts as `-> target`.
    package func contents() -> [(path: String, bytes: [UInt8])] {
        state.withLock { $0.contents() }
    }

    /// Traps unless every name leads to exactly one node and the sizes add up.
    package func checkInvariants() {
        state.withLock { $0.checkInvariants() }
    }

    /// Opens a file; the handle dies with the next crash.
    package func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> any DiskFile {
        let seconds = now()
        let (node, epoch) = try state.withLock { (tree) throws(StorageError) in
            try tree.begin("open", path)
            return (try tree.open(path, mode, seconds), tree.epoch)
        }
        return MemoryFile(
            disk: self, path: path, node: node, epoch: epoch, isReadOnly: mode == .read)
    }

    /// What stands at `path`; the device is 1, inodes are never used again.
    package func status(_ path: String) throws(StorageError) -> FileStatus? {
        try perform("status", path) { (tree) throws(StorageError) in
            try tree.find(path, followingLast: false).flatMap { tree.nodes[$0]?.status }
        }
    }

    /// Names, ascending.
    package func names(in directory: String) throws(StorageError) -> [String] {
        try perform("opendir", directory) { (tree) throws(StorageError) in
            let node = try tree.directory(directory)
            return tree.names(in: node)
        }
    }

    /// Makes a directory and its parents; each is one unsynced name.
    package func makeDirectory(_ path: String) throws(StorageError) {
        let seconds = now()
        try perform("mkdir", path) { (tree) throws(StorageError) in
            try tree.makeDirectory(path, seconds)
        }
    }

    /// Takes effect in both directories at once; each side is durable when it is synced.
    package func rename(_ path: String, to target: String) throws(StorageError) {
        try perform("rename to \(target)", path) { (tree) throws(StorageError) in
            try tree.rename(path, to: target)
        }
    }

    /// Takes effect for both names at once; each is durable when its directory is synced.
    package func exchange(_ path: String, with other: String) throws(StorageError) {
        try perform("exchange with \(other)", path) { (tree) throws(StorageError) in
            try tree.exchange(path, with: other)
        }
    }

    /// Removes a name and what is below it.
    package func remove(_ path: String) throws(StorageError) {
        try perform("unlink", path) { (tree) throws(StorageError) in
            guard let place = try tree.place(path), tree.child(place) != nil else { return }
            tree.setChild(place, nil)
        }
    }

    /// Makes or replaces a link.
    package func setLink(_ path: String, to target: String) throws(StorageError) {
        let seconds = now()
        try perform("symlink", path) { (tree) throws(StorageError) in
            try tree.setLink(path, to: target, seconds)
        }
    }

    /// What a link points at.
    package func link(_ path: String) throws(StorageError) -> String? {
        try perform("readlink", path) { (tree) throws(StorageError) in
            try tree.find(path, followingLast: false).flatMap { tree.nodes[$0]?.target }
        }
    }

    /// Makes the names of a directory durable.
    package func syncDirectory(_ path: String) throws(StorageError) {
        try perform("fsync", path) { (tree) throws(StorageError) in
            let node = try tree.directory(path)
            try tree.sync(node, path)
        }
    }

    /// What is left of the capacity.
    package func freeByteCount(_ path: String) throws(StorageError) -> Int64 {
        try perform("statvfs", path) { tree in max(0, tree.capacity - tree.usedByteCount) }
    }

    /// A watch that any change anywhere on the disk ends.
    package func watch(_ directory: String) -> any DirectoryWatch {
        let watch = PollingWatch()
        state.withLock { $0.watches.append(watch) }
        return watch
    }

    func now() -> Int64 { clock?.seconds() ?? 0 }

    /// Counts one operation and lets it meet its fault, or happen.
    func perform<Result: Sendable>(
        _ operation: String, _ path: String,
        _ body: (inout MemoryTree) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try state.withLock { (tree) throws(StorageError) in
            try tree.begin(operation, path)
            return try body(&tree)
        }
    }
}
