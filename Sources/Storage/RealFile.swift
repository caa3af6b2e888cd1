import Glibc

/// A file of the machine, read and written by pread(2) and pwrite(2).
package final class RealFile: DiskFile {
    private let path: String
    private let descriptor: Descriptor

    /// Opens `path`; a directory is refused by the kernel unless it is only read.
    ///
    /// A FIFO that is only read opens at once: without O_NONBLOCK, which means nothing to a regular
    /// file, open(2) would wait for a writer that may never come. Reading it fails with ESPIPE.
    package init(_ path: String, _ mode: OpenMode) throws(StorageError) {
        let flags =
            switch mode {
            case .read: O_RDONLY | O_NONBLOCK
            case .update: O_RDWR
            case .create: O_RDWR | O_CREAT | O_EXCL
            case .createOrUpdate: O_RDWR | O_CREAT
            }
        self.path = path
        descriptor = try Descriptor(opening: path, flags: flags)
    }

    /// Lends the descriptor's number for a call that the seam does not know.
    func withDescriptor(_ body: (Int32) -> Void) {
        body(descriptor.number)
    }

    /// Size and identity now (fstat(2)).
    package func status() throws(StorageError) -> FileStatus {
        var raw = stat()
        _ = try SystemCall.retry("fstat", path) {
            // SAFETY: the descriptor is open and `raw` outlives the call.
            unsafe fstat(descriptor.number, &raw)
        }
        return FileStatus(raw)
    }

    /// Reads by one pread(2), so it may return less than `count` before the end of the file.
    package func read(
        _ count: Int, at position: Int64, into buffer: inout [UInt8]
    ) throws(StorageError) -> Int {
        precondition(count >= 0 && count <= readLimit, "read of \(count) bytes")
        precondition(position >= 0, "read at \(position)")
        if count == 0 { return 0 }
        var byteCount = 0
        try buffer.append(addingCapacity: count) { (output) throws(StorageError) in
            // SAFETY: pread writes at most `count` bytes, which the free capacity holds, and
            // exactly the bytes it wrote are counted as initialised.
            byteCount = try unsafe output.withUnsafeMutableBufferPointer {
                (free, initialized) throws(StorageError) in
                let target = unsafe free.baseAddress.map { unsafe $0 + initialized }
                let result = try SystemCall.retry("read", path) {
                    unsafe pread(descriptor.number, target, count, off_t(position))
                }
                initialized += result
                return result
            }
        }
        return byteCount
    }

    /// Writes by pwrite(2), repeated until all is written.
    package func write(_ bytes: Span<UInt8>, at position: Int64) throws(StorageError) {
        precondition(position >= 0, "write at \(position)")
        var done = 0
        while done < bytes.count {
            let rest = bytes.extracting(droppingFirst: done)
            // SAFETY: pwrite reads at most `rest.count` bytes of a buffer that lives for the call.
            let written = try unsafe rest.withUnsafeBufferPointer {
                (source) throws(StorageError) in
                try SystemCall.retry("write", path) {
                    unsafe pwrite(
                        descriptor.number, source.baseAddress, source.count,
                        off_t(position) + done)
                }
            }
            if written == 0 { throw SystemCall.error("write", path, EIO) }
            done += written
        }
    }

    /// ftruncate(2); new bytes are 0.
    package func truncate(to byteCount: Int64) throws(StorageError) {
        _ = try SystemCall.retry("ftruncate", path) {
            ftruncate(descriptor.number, off_t(byteCount))
        }
    }

    /// One fsync(2); it is not retried, because a second one would report success falsely.
    package func sync() throws(StorageError) {
        try synchronize(descriptor, path)
    }

    /// flock(2), exclusive and without waiting; the lock goes with the last descriptor.
    package func lock() throws(StorageError) -> Bool {
        do {
            _ = try SystemCall.retry("flock", path) {
                flock(descriptor.number, LOCK_EX | LOCK_NB)
            }
            return true
        } catch .failed(_, _, let number, _) where number == EWOULDBLOCK {
            return false
        }
    }
}

/// fsync(2) of a file or directory; EINTR alone is retried.
func synchronize(_ descriptor: borrowing Descriptor, _ path: String) throws(StorageError) {
    while fsync(descriptor.number) != 0 {
        let number = errno
        if number != EINTR {
            throw .syncFailed(path: path, reason: SystemCall.text(number))
        }
    }
}

extension FileStatus {
    /// What stat(2) said.
    init(_ raw: stat) {
        let kind: Kind =
            switch raw.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .link
            default: .other
            }
        self.init(
            kind: kind, byteCount: Int64(raw.st_size), device: UInt64(raw.st_dev),
            inode: UInt64(raw.st_ino), modifiedSeconds: Int64(raw.st_mtim.tv_sec))
    }
}

/// Most bytes one read may ask for (see `DiskFile.read`).
private let readLimit = 64 << 20
