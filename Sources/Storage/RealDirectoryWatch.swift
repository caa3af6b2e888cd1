import Glibc
import Synchronization

/// Watches a directory with inotify(7), and by polling for whatever inotify does not see.
///
/// `wait` returns at the latest after `pollMilliseconds`, so that a missing directory, a network
/// file system, a full event queue, a write through mmap or a kernel that gives out no inotify
/// instance or watch cost that much delay and nothing else; the last two are a `failure`, too. An
/// event queue that is full (IN_Q_OVERFLOW) ends a wait as a change does. The caller looks at the
/// directory itself.
package final class RealDirectoryWatch: DirectoryWatch {
    /// Longest single wait, milliseconds.
    package static let pollMilliseconds = 200

    private let path: String
    private let notifier: Int32
    /// Read end and write end of the pipe that `wake` writes to; -1 when there is none.
    private let bell: (read: Int32, write: Int32)
    /// The directory's watch, -1 when there is none, and the errno that says why.
    private let watched = Mutex<(watch: Int32, number: Int32)>((-1, 0))

    /// - Parameters:
    ///   - path: the directory; it need not exist yet.
    ///   - makeNotifier: gives the inotify instance, or -1 and errno.
    package init(
        path: String,
        makeNotifier: () -> Int32 = { inotify_init1(O_NONBLOCK | O_CLOEXEC) }
    ) {
        self.path = path
        notifier = makeNotifier()
        let number = errno
        var ends: [Int32] = [-1, -1]
        // SAFETY: pipe(2) writes two descriptors into the array and keeps no pointer.
        let made = unsafe pipe(&ends)
        bell = made == 0 ? (ends[0], ends[1]) : (-1, -1)
        for end in ends where end >= 0 {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        watched.withLock { $0 = notifier < 0 ? (-1, number) : addWatch() }
    }

    /// Why there is no inotify for the directory (inotify(7), EMFILE and ENOSPC: its limits).
    ///
    /// A directory that is missing is none: it is watched when it appears.
    package var failure: String? {
        let (watch, number) = watched.withLock { $0 }
        let isMissing = number == ENOENT || number == ENOTDIR
        return watch >= 0 || isMissing ? nil : "inotify: " + SystemCall.text(number)
    }

    deinit {
        for descriptor in [notifier, bell.read, bell.write] where descriptor >= 0 {
            close(descriptor)
        }
    }

    /// Returns when something may have changed, `wake()` was called, or the time has passed.
    ///
    /// - Parameter milliseconds: longest wait; cut to 0…`pollMilliseconds`.
    package func wait(milliseconds: Int) {
        watched.withLock { if notifier >= 0 && $0.watch < 0 { $0 = addWatch() } }
        var descriptors = [
            pollfd(fd: bell.read, events: Int16(POLLIN), revents: 0),
            pollfd(fd: notifier, events: Int16(POLLIN), revents: 0),
        ]
        // SAFETY: poll(2) reads and writes the array's two elements and keeps no pointer.
        _ = unsafe poll(&descriptors, 2, Int32(max(0, min(milliseconds, Self.pollMilliseconds))))
        drain(bell.read)
        if drain(notifier) { watched.withLock { $0 = addWatch() } }
    }

    /// Makes the current or next `wait` return at once; callable from any thread.
    package func wake() {
        // SAFETY: write(2) reads one byte of the array; a full pipe already means "awake".
        _ = unsafe write(bell.write, [1], 1)
    }

    /// Adding the same directory again returns the same watch, so this may be repeated freely.
    private func addWatch() -> (watch: Int32, number: Int32) {
        let events = [
            IN_CREATE, IN_MODIFY, IN_CLOSE_WRITE, IN_ATTRIB, IN_DELETE, IN_MOVED_FROM, IN_MOVED_TO,
            IN_MOVE_SELF, IN_DELETE_SELF,
        ]
        let mask = events.reduce(0) { $0 | UInt32($1) }
        // SAFETY: the path is NUL-terminated for the call.
        let watch = unsafe inotify_add_watch(notifier, path, mask)
        return (watch, watch < 0 ? errno : 0)
    }

    /// Reads a descriptor empty; true when there was something.
    @discardableResult
    private func drain(_ descriptor: Int32) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var found = false
        // SAFETY: read(2) writes at most the array's length into it and keeps no pointer.
        while unsafe read(descriptor, &buffer, buffer.count) > 0 { found = true }
        return found
    }
}
