import Storage
import Synchronization
import TestSupport

/// The real disk, whose watches wait until it is released and whose quarantine can be made to fail.
final class StallingDisk: WrappingDisk {
    let real = RealDisk()
    let failsInQuarantine = Atomic(false)
    private let flag = WakeFlag()
    private let isReleased = Atomic(false)

    /// Ends every wait, now and later.
    func release() {
        isReleased.store(true, ordering: .relaxed)
        flag.raise()
    }

    func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> any DiskFile {
        if path.contains("/quarantine/"), failsInQuarantine.load(ordering: .relaxed) {
            throw .failed(operation: "open", path: path, errno: 5, reason: "broken")
        }
        return try real.open(path, mode)
    }

    func watch(_ directory: String) -> any DirectoryWatch { StallingWatch(disk: self) }

    fileprivate func wait() {
        while !isReleased.load(ordering: .relaxed) { flag.wait(milliseconds: 60_000) }
    }
}

private final class StallingWatch: DirectoryWatch {
    private let disk: StallingDisk

    init(disk: StallingDisk) { self.disk = disk }

    func wait(milliseconds: Int) { disk.wait() }
    func wake() {}
    var failure: String? { nil }
}
