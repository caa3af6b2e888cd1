import Storage

/// Holds a state directory for one process; let go by `deinit`, or by the kernel after a kill.
package final class StateLock: Sendable {
    private let file: any DiskFile

    /// Takes `<directory>/lock`, making the directory when it is missing.
    ///
    /// - Throws: `stateDirectoryInUse` when another process holds it.
    package init(_ directory: String, on disk: any Disk) throws(SnapshotError) {
        let file = try onDisk { () throws(StorageError) in
            try disk.makeDurableDirectory(directory)
            return try disk.open(directory + "/lock", .createOrUpdate)
        }
        guard try onDisk({ () throws(StorageError) in try file.lock() }) else {
            throw .stateDirectoryInUse(path: directory)
        }
        self.file = file
    }
}
