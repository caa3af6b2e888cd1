import Glibc

/// What this process may do with a path, as the kernel would decide it; nothing is opened.
///
/// Another process may change that at once, so only a check for people asks.
package enum FileAccess {
    /// Whether this process may read a file, or list a directory and reach what is in it.
    package static func mayRead(_ path: String) -> Bool { allows(path, R_OK, inDirectory: X_OK) }

    /// Whether this process may change a file, or make and remove files in a directory.
    package static func mayWrite(_ path: String) -> Bool { allows(path, W_OK, inDirectory: X_OK) }

    private static func allows(_ path: String, _ mode: Int32, inDirectory more: Int32) -> Bool {
        // SAFETY: the path is NUL-terminated for the call, which only reads it.
        let isAllowed = unsafe faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0
        guard isAllowed, isDirectory(path) else { return isAllowed }
        // SAFETY: as above.
        return unsafe faccessat(AT_FDCWD, path, more, AT_EACCESS) == 0
    }

    /// Whether it is a directory, or a link to one.
    package static func isDirectory(_ path: String) -> Bool {
        status(path).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false
    }

    /// Number of the user it belongs to; nil when there is nothing, or it is out of reach.
    package static func owner(of path: String) -> UInt32? { status(path)?.st_uid }

    private static func status(_ path: String) -> stat? {
        var raw = stat()
        // SAFETY: the path is NUL-terminated for the call and `raw` outlives it.
        return unsafe stat(path, &raw) == 0 ? raw : nil
    }
}
