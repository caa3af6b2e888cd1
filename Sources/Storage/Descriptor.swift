import Glibc

/// An open file descriptor that closes itself when its owner is gone.
package struct Descriptor: ~Copyable, Sendable {
    /// The number the kernel knows it by; valid as long as this value lives.
    package let number: Int32

    /// Takes over an open descriptor; nobody else may close it from now on.
    package init(owning number: Int32) {
        precondition(number >= 0, "descriptor \(number) is not open")
        self.number = number
    }

    /// Opens `path` by open(2), close-on-exec; EINTR is retried.
    package init(
        opening path: String, flags: Int32, permissions: mode_t = 0o644
    ) throws(StorageError) {
        let number = try SystemCall.retry("open", path) {
            // SAFETY: the path is a NUL-terminated copy that lives for the call.
            unsafe Glibc.open(path, flags | O_CLOEXEC, permissions)
        }
        self.init(owning: number)
    }

    deinit {
        // Linux has closed the descriptor even when close(2) reports EINTR or EIO; retrying would
        // close somebody else's. What must be durable was fsynced before.
        _ = close(number)
    }
}

/// Calls into the kernel: EINTR retried, -1 turned into a `StorageError` with errno's text.
package enum SystemCall {
    /// Repeats `call` while it is interrupted.
    ///
    /// - Returns: what the call returned, never -1.
    package static func retry<Result: BinaryInteger>(
        _ operation: String, _ path: String, _ call: () -> Result
    ) throws(StorageError) -> Result {
        while true {
            let result = call()
            if result != -1 { return result }
            let number = errno
            if number != EINTR { throw error(operation, path, number) }
        }
    }

    /// The error that errno value `number` means for `operation` on `path`.
    package static func error(_ operation: String, _ path: String, _ number: Int32) -> StorageError
    {
        switch number {
        case ENOENT: .missing(path: path)
        case EEXIST: .exists(path: path)
        default:
            .failed(operation: operation, path: path, errno: number, reason: text(number))
        }
    }

    /// errno's text, such as "No space left on device".
    package static func text(_ number: Int32) -> String {
        // SAFETY: glibc returns a string that stays valid until this thread's next call.
        guard let text = unsafe strerror(number) else { return "error \(number)" }
        return unsafe String(cString: text)
    }
}
