/// The one door to files: every path that this package reads or writes goes through a `Disk`.
///
/// `RealDisk` is the machine's; tests use `MemoryDisk`, which can fail and can lose what was not
/// synced. Paths are absolute or relative to the process; names never hold a slash. SQLite files
/// are the exception, because SQLite brings its own file layer (docs/decisions/0002-seam.md).
package protocol Disk: Sendable {
    /// Opens a file; see `OpenMode` for what must exist.
    func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> any DiskFile
    /// Size, identity and kind of what stands at `path`, links not followed; nil when nothing does.
    func status(_ path: String) throws(StorageError) -> FileStatus?
    /// Names in a directory, ascending by bytes, without `.` and `..`.
    func names(in directory: String) throws(StorageError) -> [String]
    /// Makes a directory and its parents; one that exists is fine.
    func makeDirectory(_ path: String) throws(StorageError)
    /// Renames a file or directory over what stands at `target`, atomically (rename(2)).
    func rename(_ path: String, to target: String) throws(StorageError)
    /// Exchanges what two names stand for, atomically (renameat2(2) with RENAME_EXCHANGE).
    func exchange(_ path: String, with other: String) throws(StorageError)
    /// Removes a file, a link, or a directory with all that is in it; nothing there is fine.
    func remove(_ path: String) throws(StorageError)
    /// Makes the symbolic link `path` point at `target`, replacing a link atomically.
    func setLink(_ path: String, to target: String) throws(StorageError)
    /// What the symbolic link points at; nil when there is no link.
    func link(_ path: String) throws(StorageError) -> String?
    /// Makes renames and new names in a directory durable (fsync(2) of the directory).
    func syncDirectory(_ path: String) throws(StorageError)
    /// Bytes an unprivileged process may still write there (statvfs(3)).
    func freeByteCount(_ path: String) throws(StorageError) -> Int64
    /// Starts watching a directory for changes; never fails, at worst it only sleeps.
    func watch(_ directory: String) -> any DirectoryWatch
}

/// One open file, whose reads and writes name their byte position: there is no hidden offset.
package protocol DiskFile: AnyObject, Sendable {
    /// Size and identity now.
    func status() throws(StorageError) -> FileStatus
    /// Reads up to `count` bytes from byte position `position`, appending them to `buffer`.
    ///
    /// - Returns: bytes read; 0 only at the end of the file. `count` is at most 64 MiB.
    func read(
        _ count: Int, at position: Int64, into buffer: inout [UInt8]
    ) throws(StorageError) -> Int
    /// Writes all of `bytes` at byte position `position`.
    func write(_ bytes: Span<UInt8>, at position: Int64) throws(StorageError)
    /// Cuts or extends the file to `byteCount` bytes.
    func truncate(to byteCount: Int64) throws(StorageError)
    /// Makes content durable (fsync(2)); after a failure the file is not to be trusted.
    func sync() throws(StorageError)
    /// Takes the advisory lock of this file (flock(2)); false when another holder has it.
    func lock() throws(StorageError) -> Bool
}

extension DiskFile {
    /// Writes all of `bytes` at byte position `position`.
    package func write(_ bytes: [UInt8], at position: Int64) throws(StorageError) {
        try write(bytes.span, at: position)
    }
}

/// Waits for a directory to change.
package protocol DirectoryWatch: AnyObject, Sendable {
    /// Why the kernel tells nothing of changes, so that `wait` only sleeps; nil while it does.
    var failure: String? { get }
    /// Returns when something may have changed, `wake()` was called, or the time has passed.
    func wait(milliseconds: Int)
    /// Makes the current or next `wait` return at once; callable from any thread.
    func wake()
}

/// How a file is opened.
package enum OpenMode: Sendable {
    /// It must exist; only reads, and never waits to be opened: what is no regular file may open.
    case read
    /// It must exist; reads and writes.
    case update
    /// It must not exist; reads and writes.
    case create
    /// Created when missing; reads and writes, content kept.
    case createOrUpdate
}

/// What is known of a file without opening it.
package struct FileStatus: Sendable, Equatable {
    /// File, directory or symbolic link.
    package enum Kind: Sendable {
        case file
        case directory
        case link
        case other
    }

    package let kind: Kind
    package let byteCount: Int64
    package let device: UInt64
    package let inode: UInt64
    /// Time of the last change of content, seconds since 1970.
    package let modifiedSeconds: Int64

    package init(
        kind: Kind, byteCount: Int64, device: UInt64, inode: UInt64, modifiedSeconds: Int64
    ) {
        self.kind = kind
        self.byteCount = byteCount
        self.device = device
        self.inode = inode
        self.modifiedSeconds = modifiedSeconds
    }
}

/// Why a file operation failed; the file system is as it was unless the case says otherwise.
package enum StorageError: Error, Equatable, CustomStringConvertible {
    case missing(path: String)
    case exists(path: String)
    case failed(operation: String, path: String, errno: Int32, reason: String)
    /// fsync failed: what was written may be lost, and retrying proves nothing (fsyncgate).
    case syncFailed(path: String, reason: String)
    case malformed(path: String, reason: String)

    package var description: String {
        switch self {
        case .missing(let path): "\(path): no such file or directory"
        case .exists(let path): "\(path): exists already"
        case .failed(let operation, let path, _, let reason): "\(path): \(operation): \(reason)"
        case .syncFailed(let path, let reason):
            "\(path): fsync: \(reason); stop, check the disk, and restart from the last commit"
        case .malformed(let path, let reason): "\(path): \(reason)"
        }
    }
}
