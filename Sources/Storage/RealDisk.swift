import Glibc

/// The machine's file system.
package struct RealDisk: Disk {
    /// The file system as this process sees it.
    package init() {}

    /// open(2), close-on-exec, new files with mode 0644; without waiting when it is only read.
    package func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> any DiskFile {
        try RealFile(path, mode)
    }

    /// lstat(2).
    package func status(_ path: String) throws(StorageError) -> FileStatus? {
        var raw = stat()
        do {
            _ = try SystemCall.retry("lstat", path) {
                // SAFETY: the path is NUL-terminated for the call and `raw` outlives it.
                unsafe lstat(path, &raw)
            }
        } catch .missing {
            return nil
        } catch .failed(_, _, let number, _) where number == ENOTDIR {
            return nil
        }
        return FileStatus(raw)
    }

    /// readdir(3), sorted; a name that is not UTF-8 comes out repaired and cannot be opened.
    package func names(in directory: String) throws(StorageError) -> [String] {
        // SAFETY: the stream is checked for NULL, used by this thread only and closed below.
        guard let stream = unsafe opendir(directory) else {
            throw SystemCall.error("opendir", directory, errno)
        }
        defer { _ = unsafe closedir(stream) }
        var names: [String] = []
        errno = 0
        // SAFETY: readdir's entry is valid until the next call on the stream; its name is
        // NUL-terminated and copied at once.
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
            errno = 0
        }
        if errno != 0 { throw SystemCall.error("readdir", directory, errno) }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// mkdir(2) from the first missing parent on, mode 0755.
    package func makeDirectory(_ path: String) throws(StorageError) {
        do {
            try makeOneDirectory(path)
        } catch .exists {
            if try isDirectory(path) { return }
            throw .exists(path: path)
        } catch .missing {
            guard let parent = path.parentPath, parent != path else { throw .missing(path: path) }
            try makeDirectory(parent)
            do { try makeOneDirectory(path) } catch .exists {}
        }
    }

    /// rename(2); a directory replaces only an empty one.
    package func rename(_ path: String, to target: String) throws(StorageError) {
        _ = try SystemCall.retry("rename to \(target)", path) {
            // SAFETY: both paths are NUL-terminated for the call.
            unsafe Glibc.rename(path, target)
        }
    }

    /// renameat2(2); EINVAL on a file system that cannot do it.
    package func exchange(_ path: String, with other: String) throws(StorageError) {
        _ = try SystemCall.retry("exchange with \(other)", path) {
            // SAFETY: both paths are NUL-terminated for the call.
            unsafe renameat2(AT_FDCWD, path, AT_FDCWD, other, exchangeFlag)
        }
    }

    /// unlink(2), or the whole tree from its leaves up.
    package func remove(_ path: String) throws(StorageError) {
        guard let status = try status(path) else { return }
        do {
            if status.kind == .directory {
                for name in try names(in: path) { try remove(path + "/" + name) }
                // SAFETY: the path is NUL-terminated for the call.
                _ = try SystemCall.retry("rmdir", path) { unsafe rmdir(path) }
            } else {
                // SAFETY: the path is NUL-terminated for the call.
                _ = try SystemCall.retry("unlink", path) { unsafe unlink(path) }
            }
        } catch .missing {
            // Somebody else removed it first, which is what was asked for.
        }
    }

    /// symlink(2) aside under a name that `AtomicFile.removeLeftovers` knows, then rename(2).
    package func setLink(_ path: String, to target: String) throws(StorageError) {
        let aside = path + ".partial-link"
        try remove(aside)
        _ = try SystemCall.retry("symlink", aside) {
            // SAFETY: both strings are NUL-terminated for the call.
            unsafe symlink(target, aside)
        }
        try rename(aside, to: path)
    }

    /// readlink(2).
    package func link(_ path: String) throws(StorageError) -> String? {
        guard try status(path)?.kind == .link else { return nil }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = try SystemCall.retry("readlink", path) {
            // SAFETY: readlink writes at most the buffer's size and says how much it wrote.
            unsafe readlink(path, &buffer, buffer.count)
        }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// fsync(2) of the directory.
    package func syncDirectory(_ path: String) throws(StorageError) {
        try synchronize(Descriptor(opening: path, flags: O_RDONLY | O_DIRECTORY), path)
    }

    /// Blocks free for everybody, statvfs(3).
    package func freeByteCount(_ path: String) throws(StorageError) -> Int64 {
        var raw = statvfs()
        _ = try SystemCall.retry("statvfs", path) {
            // SAFETY: the path is NUL-terminated for the call and `raw` outlives it.
            unsafe statvfs(path, &raw)
        }
        return Int64(clamping: raw.f_bavail.multipliedReportingOverflow(by: raw.f_frsize).0)
    }

    /// inotify(7), which polls for what it does not see.
    package func watch(_ directory: String) -> any DirectoryWatch {
        RealDirectoryWatch(path: directory)
    }

    private func makeOneDirectory(_ path: String) throws(StorageError) {
        // SAFETY: the path is NUL-terminated for the call.
        _ = try SystemCall.retry("mkdir", path) { unsafe mkdir(path, 0o755) }
    }

    /// Whether `path` is a directory, links followed: `current/` may be a link's target.
    private func isDirectory(_ path: String) throws(StorageError) -> Bool {
        var raw = stat()
        _ = try SystemCall.retry("stat", path) {
            // SAFETY: the path is NUL-terminated for the call and `raw` outlives it.
            unsafe stat(path, &raw)
        }
        return raw.st_mode & S_IFMT == S_IFDIR
    }
}

extension String {
    /// The path without its last component: `a/b` → `a`, `/a` → `/`, `a` → nil.
    package var parentPath: String? {
        let trimmed = utf8.last == UInt8(ascii: "/") ? dropLast() : self[...]
        guard let slash = trimmed.lastIndex(of: "/") else { return nil }
        return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
    }

    /// The last component of a path: `a/b` → `b`.
    package var lastPathComponent: String {
        let trimmed = utf8.last == UInt8(ascii: "/") ? dropLast() : self[...]
        guard let slash = trimmed.lastIndex(of: "/") else { return String(trimmed) }
        return String(trimmed[trimmed.index(after: slash)...])
    }
}

/// RENAME_EXCHANGE of linux/fs.h, Linux 3.15.
private let exchangeFlag: UInt32 = 2

/// renameat2(2) of glibc 2.28, which Glibc's module does not export.
@_silgen_name("renameat2")
private func renameat2(
    _ directory: Int32, _ path: UnsafePointer<CChar>, _ otherDirectory: Int32,
    _ other: UnsafePointer<CChar>, _ flags: UInt32
) -> Int32
