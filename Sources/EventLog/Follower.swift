import Storage
import Synchronization

/// Waits for a log to grow: what the daemon's reading thread sits in.
///
/// `next` is called by one thread at a time; everything else from any thread.
package final class Follower: Sendable {
    /// Longest single wait, milliseconds: what a change that nobody reported is late by.
    ///
    /// A watched directory reports what this machine does to it; what another machine does to a
    /// shared one is seen by looking. Without a watch, looking is all there is.
    private static let watchedSliceMilliseconds = 500
    private static let unwatchedSliceMilliseconds = 200

    private let reader: Mutex<LogReader>
    private let watch: any DirectoryWatch
    private let directory: String
    private let isWoken = Atomic<Bool>(false)
    /// Whether somebody asked who must not be answered from an old listing of the directory.
    private let mustLook = Atomic<Bool>(false)

    /// What the reader says of itself, for `status`.
    package struct Condition: Sendable {
        /// Where reading goes on after the last chunk.
        package var cursor: Cursor
        /// Compressed bytes to the end of the log as last listed.
        package var lagByteCount: Int64
        /// Whether everything that can be read was read.
        package var isAtEnd: Bool
        /// What was survived, oldest first.
        package var notices: [LogNotice]
        /// Notices so far, those that left included.
        package var noticeCount: Int
        /// What is in the way now, so that nothing new can be read; nil while all is well.
        package var obstacle: LogNotice?
    }

    /// - Throws: `cursorInvalid`.
    package init(
        host: Host, directory: String, cursor: Cursor = .start,
        options: LogReaderOptions = LogReaderOptions()
    ) throws(EventLogError) {
        let made = try LogReader(
            host: host, directory: directory, cursor: cursor, options: options)
        reader = Mutex(made)
        watch = host.disk.watch(directory)
        self.directory = directory
    }

    /// The next chunk; waits for one up to `waitMilliseconds`, or until `wake()`.
    package func next(waitMilliseconds: Int) throws(EventLogError) -> LogChunk? {
        var remaining = waitMilliseconds
        while true {
            let isAsked = mustLook.exchange(false, ordering: .acquiringAndReleasing)
            let chunk = try reader.withLock { (reader) throws(EventLogError) in
                if isAsked { reader.lookAgain() }
                return try reader.next()
            }
            if let chunk { return chunk }
            if isWoken.exchange(false, ordering: .acquiringAndReleasing) { return nil }
            guard remaining > 0 else { return nil }
            let longest =
                watch.failure == nil
                ? Self.watchedSliceMilliseconds : Self.unwatchedSliceMilliseconds
            let slice = min(remaining, longest)
            watch.wait(milliseconds: slice)
            remaining -= slice
        }
    }

    /// Makes the current or the next `next` return without waiting any longer, and the one behind
    /// it list the directory anew.
    package func wake() {
        mustLook.store(true, ordering: .releasing)
        isWoken.store(true, ordering: .releasing)
        watch.wake()
    }

    /// What the reader says of itself now; waits while a chunk is being read.
    package func condition() -> Condition {
        let unwatched = watch.failure.map { LogNotice.unwatched(path: directory, reason: $0) }
        return reader.withLock { reader in
            Condition(
                cursor: reader.cursor, lagByteCount: reader.lag(), isAtEnd: reader.isAtEnd,
                notices: reader.notices + (unwatched.map { [$0] } ?? []),
                noticeCount: reader.noticeCount,
                obstacle: reader.obstacle)
        }
    }
}
