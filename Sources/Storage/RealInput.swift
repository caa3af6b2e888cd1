import Glibc
import Synchronization

/// Standard input, by poll(2) and read(2): no byte waits for others to come.
///
/// SIGTERM and SIGINT end the waiting once (`stopped`); a second one ends the process, as the kernel
/// does by default. One at a time, because signals belong to the process.
package final class RealInput: ByteInput {
    private static let path = "standard input"
    private let bell: Descriptor

    /// Takes over SIGTERM and SIGINT.
    package init() throws(StorageError) {
        var ends: [Int32] = [-1, -1]
        // SAFETY: pipe(2) writes two descriptors into the array and keeps no pointer.
        let made = unsafe pipe(&ends)
        guard made == 0 else { throw SystemCall.error("pipe", Self.path, errno) }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        bell = Descriptor(owning: ends[0])
        // The write end stays open for good: a handler may be at it when this value is gone.
        stopBell.store(ends[1], ordering: .sequentiallyConsistent)
        for number in [SIGTERM, SIGINT] {
            signal(number) { number in
                // Only async-signal-safe calls (signal-safety(7)), and errno left as it was.
                let saved = errno
                signal(number, SIG_DFL)
                var byte: UInt8 = 1
                // SAFETY: write(2) reads the one byte, which lives for the call.
                _ = unsafe write(stopBell.load(ordering: .relaxed), &byte, 1)
                errno = saved
            }
        }
    }

    deinit { Signals.restoreTermination() }

    /// Waits by poll(2), then takes what is there by one read(2).
    package func read(
        _ count: Int, waitMilliseconds milliseconds: Int?, into buffer: inout [UInt8]
    ) throws(StorageError) -> ByteArrival {
        precondition(count > 0 && count <= 64 << 20, "read of \(count) bytes")
        var descriptors = [
            pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            pollfd(fd: bell.number, events: Int16(POLLIN), revents: 0),
        ]
        let timeout = milliseconds.map { Int32(clamping: max(0, $0)) } ?? -1
        // SAFETY: poll(2) reads and writes the array's two elements and keeps no pointer.
        let ready = unsafe poll(&descriptors, 2, timeout)
        // A signal that is not ours may interrupt the wait; the caller comes again.
        if ready < 0, errno != EINTR { throw SystemCall.error("poll", Self.path, errno) }
        if descriptors[1].revents != 0 { return .stopped }
        guard ready > 0 else { return .nothing }
        return try take(count, into: &buffer)
    }

    private func take(
        _ count: Int, into buffer: inout [UInt8]
    ) throws(StorageError) -> ByteArrival {
        var byteCount = 0
        try buffer.append(addingCapacity: count) { (output) throws(StorageError) in
            // SAFETY: read writes at most `count` bytes, which the free capacity holds, and
            // exactly the bytes it wrote are counted as initialised.
            byteCount = try unsafe output.withUnsafeMutableBufferPointer {
                (free, initialized) throws(StorageError) in
                let target = unsafe free.baseAddress.map { unsafe $0 + initialized }
                let result = try SystemCall.retry("read", Self.path) {
                    unsafe Glibc.read(STDIN_FILENO, target, count)
                }
                initialized += result
                return result
            }
        }
        return byteCount == 0 ? .end : .bytes(byteCount)
    }
}

/// Write end of the pipe that a signal rings; -1 before the first `RealInput`.
private let stopBell = Atomic<Int32>(-1)

/// What this process's standard streams are.
package enum StandardStreams {
    /// Whether a person reads standard error.
    package static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }
}
