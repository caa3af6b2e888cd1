import Storage

/// The real disk, but for what a conformer does itself.
package protocol WrappingDisk: Disk {
    var real: RealDisk { get }
}

extension WrappingDisk {
    package func open(
        _ path: String, _ mode: OpenMode
    ) throws(StorageError) -> any DiskFile { try real.open(path, mode) }
    package func status(_ path: String) throws(StorageError) -> FileStatus? {
        try real.status(path)
    }
    package func names(in directory: String) throws(StorageError) -> [String] {
        try real.names(in: directory)
    }
    package func makeDirectory(_ path: String) throws(StorageError) {
        try real.makeDirectory(path)
    }
    package func rename(_ path: String, to target: String) throws(StorageError) {
        try real.rename(path, to: target)
    }
    package func exchange(_ path: String, with other: String) throws(StorageError) {
        try real.exchange(path, with: other)
    }
    package func remove(_ path: String) throws(StorageError) { try real.remove(path) }
    package func setLink(_ path: String, to target: String) throws(StorageError) {
        try real.setLink(path, to: target)
    }
    package func link(_ path: String) throws(StorageError) -> String? { try real.link(path) }
    package func syncDirectory(_ path: String) throws(StorageError) {
        try real.syncDirectory(path)
    }
    package func freeByteCount(_ path: String) throws(StorageError) -> Int64 {
        try real.freeByteCount(path)
    }
    package func watch(_ directory: String) -> any DirectoryWatch { real.watch(directory) }
}
