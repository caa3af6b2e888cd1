import GRDB

extension SnapshotError {
    /// What an error of SQLite means for a registry.
    ///
    /// A full disk must not be taken for a damaged file: moving the registry away would lose its
    /// holds, pins and suppressions for nothing.
    ///
    /// - Parameters:
    ///   - error: what SQLite threw.
    ///   - path: the registry's file.
    package init(_ error: any Error, ofRegistry path: String) {
        let ofDisk: [ResultCode] = [.SQLITE_FULL, .SQLITE_IOERR]
        let code = (error as? DatabaseError)?.resultCode
        if DamagedDatabase.isDamage(error) {
            self = .damagedRegistry(path: path, reason: "\(error)")
        } else if let code, ofDisk.contains(code) {
            self = .registryDisk(path: path, reason: "\(error)")
        } else {
            self = .registry(path: path, reason: "\(error)")
        }
    }
}
