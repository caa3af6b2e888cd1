import EventLog
import Storage
import Synchronization
import TestSupport

/// The real disk, but of one log's segments only a beginning is there: one byte more each time
/// its reader, having looked, waits for the log to change.
final class TricklingDisk: WrappingDisk {
    private struct Shown {
        var byteCount: Int64 = 0
        var hasLooked = false
        var unseenCount = 0
    }

    let real = RealDisk()
    private let directory: String
    /// Where each segment begins in the log's bytes, and how many it has.
    private let segments: [String: (start: Int64, byteCount: Int64)]
    let byteCount: Int64
    private let shown = Mutex(Shown())

    /// - Parameter directory: a log that is complete.
    /// - Throws: when it cannot be listed.
    init(log directory: String) throws {
        self.directory = directory
        var segments: [String: (start: Int64, byteCount: Int64)] = [:]
        var end: Int64 = 0
        for name in try RealDisk().names(in: directory) where name.hasSuffix(".ndjson.lz4") {
            let path = "\(directory)/\(name)"
            let count = try RealDisk().status(path)?.byteCount ?? 0
            segments[path] = (end, count)
            end += count
        }
        self.segments = segments
        byteCount = end
    }

    /// Whether all of the log is there.
    var isWhole: Bool { shown.withLock { $0.byteCount == byteCount } }

    /// Bytes behind which another came before anybody had looked.
    var unseenCount: Int { shown.withLock { $0.unseenCount } }

    /// One byte more; false when there is none.
    fileprivate func showOneMore() -> Bool {
        shown.withLock { shown in
            guard shown.byteCount < byteCount else { return false }
            shown.byteCount += 1
            if !shown.hasLooked { shown.unseenCount += 1 }
            shown.hasLooked = false
            return true
        }
    }

    /// Bytes that are there of what stands at `path`; nil before the first can be, and for what is
    /// no segment of the log.
    fileprivate func visibleByteCount(_ path: String) -> Int64? {
        guard let segment = segments[path] else { return nil }
        return shown.withLock { shown in
            shown.hasLooked = true
            guard shown.byteCount >= segment.start else { return nil }
            return min(shown.byteCount - segment.start, segment.byteCount)
        }
    }

    func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> any DiskFile {
        guard segments[path] != nil else { return try real.open(path, mode) }
        guard visibleByteCount(path) != nil else { throw .missing(path: path) }
        return TricklingFile(file: try real.open(path, mode), path: path, disk: self)
    }

    func status(_ path: String) throws(StorageError) -> FileStatus? {
        guard segments[path] != nil else { return try real.status(path) }
        guard let count = visibleByteCount(path) else { return nil }
        return try real.status(path)?.cut(to: count)
    }

    func names(in directory: String) throws(StorageError) -> [String] {
        let names = try real.names(in: directory)
        guard directory == self.directory else { return names }
        return names.filter { visibleByteCount("\(directory)/\($0)") != nil }
    }

    func watch(_ directory: String) -> any DirectoryWatch {
        TricklingWatch(watch: real.watch(directory), disk: self)
    }

    func freeByteCount(_ path: String) throws(StorageError) -> Int64 {
        try real.freeByteCount(path)
    }
}

private final class TricklingFile: DiskFile {
    private let file: any DiskFile
    private let path: String
    private let disk: TricklingDisk

    init(file: any DiskFile, path: String, disk: TricklingDisk) {
        self.file = file
        self.path = path
        self.disk = disk
    }

    func status() throws(StorageError) -> FileStatus {
        try file.status().cut(to: disk.visibleByteCount(path) ?? 0)
    }
    func read(
        _ count: Int, at position: Int64, into buffer: inout [UInt8]
    ) throws(StorageError) -> Int {
        let left = (disk.visibleByteCount(path) ?? 0) - position
        guard left > 0 else { return 0 }
        return try file.read(min(count, Int(left)), at: position, into: &buffer)
    }
    func write(_ bytes: Span<UInt8>, at position: Int64) throws(StorageError) {
        try file.write(bytes, at: position)
    }
    func truncate(to byteCount: Int64) throws(StorageError) { try file.truncate(to: byteCount) }
    func sync() throws(StorageError) { try file.sync() }
    func lock() throws(StorageError) -> Bool { try file.lock() }
}

private final class TricklingWatch: DirectoryWatch {
    private let watch: any DirectoryWatch
    private let disk: TricklingDisk

    init(watch: any DirectoryWatch, disk: TricklingDisk) {
        self.watch = watch
        self.disk = disk
    }

    func wait(milliseconds: Int) {
        if !disk.showOneMore() { watch.wait(milliseconds: milliseconds) }
    }
    func wake() { watch.wake() }
    var failure: String? { watch.failure }
}

extension FileStatus {
    fileprivate func cut(to byteCount: Int64) -> FileStatus {
        FileStatus(
            kind: kind, byteCount: byteCount, device: device, inode: inode,
            modifiedSeconds: modifiedSeconds)
    }
}
