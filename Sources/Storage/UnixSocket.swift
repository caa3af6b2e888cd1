import Glibc

/// Address of an `AF_UNIX` socket (unix(7)): a path, or a name in the abstract namespace.
struct UnixAddress: Sendable {
    /// Bytes of `sun_path`; an abstract name starts with a zero byte.
    private let path: [UInt8]

    /// - Parameter text: a path, or `@name` for the abstract namespace; at most 107 bytes.
    init?(_ text: String) {
        var bytes = Array(text.utf8)
        guard let first = bytes.first, bytes.count <= 107, !bytes.contains(0) else { return nil }
        if first == UInt8(ascii: "@") { bytes[0] = 0 }
        path = bytes
    }

    /// Calls `body` with the address as the socket calls want it.
    func withSocketAddress<Result>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // SAFETY: `path` is at most 107 bytes, `sun_path` has 108, zeroed, so a path ends in 0.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path) }
        // An abstract name is as long as the length says; a path takes its zero along.
        let isAbstract = path[0] == 0
        let byteCount = MemoryLayout<sa_family_t>.size + path.count + (isAbstract ? 0 : 1)
        // SAFETY: sockaddr_un starts with the members of sockaddr, which is what the calls read
        // first; `address` outlives `body`.
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(byteCount))
            }
        }
    }
}

extension UnixAddress {
    /// Sends one datagram to it, without waiting; false when nobody took it.
    func send(_ bytes: [UInt8]) -> Bool {
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { _ = close(descriptor) }
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
        // SAFETY: the address is valid for the call, as `withSocketAddress` says, and `bytes`
        // is only read, for its own length.
        let count = unsafe withSocketAddress {
            unsafe sendto(descriptor, bytes, bytes.count, flags, $0, $1)
        }
        return count == bytes.count
    }

    /// Whether `descriptor` is a stream socket that listens at this address.
    func isListened(by descriptor: Int32) -> Bool {
        func option(_ name: Int32) -> Int32? {
            var value: Int32 = -1
            var byteCount = socklen_t(4)
            // SAFETY: the kernel writes at most the four bytes of `value`.
            let result = unsafe getsockopt(descriptor, SOL_SOCKET, name, &value, &byteCount)
            return result == 0 ? value : nil
        }
        guard option(SO_DOMAIN) == AF_UNIX, option(SO_TYPE) == Int32(SOCK_STREAM.rawValue),
            option(SO_ACCEPTCONN) == 1
        else { return false }
        var bound = sockaddr_un()
        var byteCount = socklen_t(MemoryLayout<sockaddr_un>.size)
        // SAFETY: sockaddr_un starts with the members of sockaddr, and the kernel writes at most
        // `byteCount` bytes, which is its size.
        let result = unsafe withUnsafeMutablePointer(to: &bound) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &byteCount)
            }
        }
        guard result == 0 else { return false }
        // SAFETY: only the bytes of `sun_path` are read, while `bound` lives.
        let name = unsafe withUnsafeBytes(of: &bound.sun_path) { unsafe Array($0) }
        // A path takes a zero along; `path` has fewer bytes than `sun_path`.
        return name.starts(with: path) && name[path.count] == 0
    }
}

/// The control socket's file: made without a moment at which others could connect, and by one
/// process at a time, which the lock file beside it ensures for as long as this object lives.
package final class ListeningSocket: Sendable {
    /// Where peers connect.
    package let path: String
    /// The listening socket, non-blocking; whoever serves it closes it.
    package let descriptor: Int32
    private let lock: Int32
    /// Whether the file is another's, who bound it.
    private let isAdopted: Bool

    /// Takes a socket that the service manager has bound and listens on, and locks its path.
    ///
    /// - Parameters:
    ///   - adopted: `AF_UNIX`, a stream, listening at `path`; it becomes non-blocking.
    ///   - path: where peers connect.
    /// - Throws: `.failed` with ENOTSOCK when it is something else, `.exists` when another process
    ///   serves the path; the descriptor stays as it was.
    package init(adopting adopted: Int32, path: String) throws(StorageError) {
        guard let address = UnixAddress(path), address.isListened(by: adopted) else {
            throw .failed(
                operation: "adopt", path: path, errno: ENOTSOCK,
                reason: "descriptor \(adopted) is no stream socket that listens there")
        }
        lock = try Self.takeLock(path + ".lock", for: path)
        let flags = fcntl(adopted, F_GETFL)
        guard flags >= 0, fcntl(adopted, F_SETFL, flags | O_NONBLOCK) == 0,
            fcntl(adopted, F_SETFD, FD_CLOEXEC) == 0
        else {
            let error = Self.failure("fcntl", path)
            _ = close(lock)
            throw error
        }
        self.path = path
        descriptor = adopted
        isAdopted = true
    }

    /// Locks, binds under a temporary name with `mode` already set, listens, and renames.
    ///
    /// A socket file that nobody listens on is replaced.
    ///
    /// - Parameters:
    ///   - path: at most 100 bytes; its directory exists.
    ///   - mode: permission bits of the file.
    ///   - backlog: connections that may wait to be accepted.
    /// - Throws: `.exists` when another process has the socket or `path` is no socket.
    package init(path: String, mode: UInt32, backlog: Int32) throws(StorageError) {
        let lock = try Self.takeLock(path + ".lock", for: path)
        var isDone = false
        defer { if !isDone { _ = close(lock) } }
        try Self.checkUnused(path)
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue),
            0)
        guard descriptor >= 0 else { throw Self.failure("socket", path) }
        defer { if !isDone { _ = close(descriptor) } }
        let temporary = path + ".new"
        guard let address = UnixAddress(temporary) else {
            throw .failed(
                operation: "bind", path: path, errno: ENAMETOOLONG,
                reason: "a socket's path has at most 100 bytes")
        }
        // The file takes its mode from the unbound socket, less the umask, so that it is never
        // wider than wanted; chmod(2) then gives back what the umask took.
        guard fchmod(descriptor, mode) == 0 else { throw Self.failure("fchmod", path) }
        // SAFETY: here and below, paths are terminated copies that live for the call.
        _ = unsafe unlink(temporary)
        // SAFETY: the address is valid for the call, as `withSocketAddress` says.
        let bound = unsafe address.withSocketAddress { unsafe bind(descriptor, $0, $1) }
        guard bound == 0 else { throw Self.failure("bind", path) }
        defer { if !isDone { _ = unsafe unlink(temporary) } }
        guard unsafe chmod(temporary, mode) == 0 else { throw Self.failure("chmod", path) }
        guard listen(descriptor, backlog) == 0 else { throw Self.failure("listen", path) }
        guard unsafe rename(temporary, path) == 0 else { throw Self.failure("rename", path) }
        self.path = path
        self.descriptor = descriptor
        self.lock = lock
        isAdopted = false
        isDone = true
    }

    deinit { _ = close(lock) }

    /// Removes the socket file, unless it was adopted: peers then wait for the next life.
    ///
    /// The lock file stays, since removing it would let two in.
    package func removeFile() {
        guard !isAdopted else { return }
        // SAFETY: the path is a terminated copy that lives for the call.
        _ = unsafe unlink(path)
    }

    private static func takeLock(_ lockPath: String, for path: String) throws(StorageError) -> Int32
    {
        // SAFETY: the path is a terminated copy that lives for the call.
        let lock = unsafe open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw failure("open", lockPath) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let isTaken = errno == EWOULDBLOCK
            let error: StorageError = isTaken ? .exists(path: path) : failure("flock", lockPath)
            _ = close(lock)
            throw error
        }
        return lock
    }

    private static func checkUnused(_ path: String) throws(StorageError) {
        var status = stat()
        // SAFETY: lstat writes into `status` only, which outlives the call.
        guard unsafe lstat(path, &status) == 0 else {
            guard errno == ENOENT else { throw failure("lstat", path) }
            return
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .exists(path: path) }
        let probe = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue),
            0)
        guard probe >= 0, let address = UnixAddress(path) else { throw failure("socket", path) }
        defer { _ = close(probe) }
        // SAFETY: the address is valid for the call, as `withSocketAddress` says.
        let result = unsafe address.withSocketAddress { unsafe connect(probe, $0, $1) }
        // EAGAIN: somebody listens and has a full backlog.
        guard result != 0, errno == ECONNREFUSED || errno == ENOENT else {
            throw .exists(path: path)
        }
    }

    private static func failure(_ operation: String, _ path: String) -> StorageError {
        .failed(operation: operation, path: path, errno: errno, reason: SystemCall.text(errno))
    }
}
