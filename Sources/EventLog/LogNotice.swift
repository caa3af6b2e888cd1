/// Something about the log's files that an operator should know of: what was survived, or, as a
/// reader's obstacle, what is so now.
package enum LogNotice: Hashable, Sendable, CustomStringConvertible {
    /// The file became shorter than what was read of it; reading goes on at its new end.
    case truncated(segment: Int64, readByteCount: Int64, byteCount: Int64)
    /// Another content stands under the segment's name; it is read from its start.
    case replaced(segment: Int64, inodeReused: Bool)
    /// The same content stands in another file (copied or restored); reading goes on in it.
    case moved(segment: Int64)
    /// The segment at the cursor is gone; what was not read of it is lost.
    case vanished(segment: Int64)
    /// The segment at the cursor has another sequence number now; reading goes on in it.
    case renamed(segment: Int64, newSegment: Int64)
    /// Sequence numbers between two segments are missing; reading went on after them.
    case gap(after: Int64, next: Int64)
    /// A segment that was taken as complete has grown since; what was added is not read.
    case grewAfterSealing(segment: Int64, byteCount: Int64)
    /// The directory is missing: there is nothing to read until it is back.
    case directoryMissing(path: String)
    /// The segment at the cursor is gone and there is none above it: reading waits for either.
    case awaited(segment: Int64, path: String)
    /// A file or the directory cannot be read now; it is tried again.
    case unreadable(path: String, reason: String)
    /// The kernel tells nothing of the directory's changes; it is looked at now and then.
    case unwatched(path: String, reason: String)

    package var description: String {
        switch self {
        case .truncated(let segment, let readByteCount, let byteCount):
            "segment \(segment) was cut to \(byteCount) bytes after \(readByteCount) had been "
                + "read; only what is appended from here on is read"
        case .replaced(let segment, let inodeReused):
            "segment \(segment) was replaced by another content"
                + (inodeReused ? " in the same inode" : "") + "; it is read from its start"
        case .moved(let segment):
            "segment \(segment) is another file with the same beginning; reading goes on in it"
        case .vanished(let segment):
            "segment \(segment) is gone before it was read to its end; keep segments until the "
                + "committed cursor is past them"
        case .renamed(let segment, let newSegment):
            "segment \(segment) was renamed to \(newSegment); reading goes on in it"
        case .gap(let after, let next):
            "no segment between \(after) and \(next); if some were lost, restore them and refresh"
        case .grewAfterSealing(let segment, let byteCount):
            "segment \(segment) grew to \(byteCount) bytes after a newer one had sealed it; what "
                + "was added is not read: raise `log.reader.grace_seconds`"
        case .directoryMissing(let path):
            "\(path) is missing, so nothing new is read; bring it back (a mount, a renamed "
                + "directory), or correct `log_dir`"
        case .awaited(let segment, let path):
            "\(path) has no segment \(segment), where reading stands, and none above it; bring it "
                + "back (is another directory there?): reading waits for it, or for a higher one"
        case .unreadable(let path, let reason):
            "\(path) cannot be read (\(reason)); it is tried again"
        case .unwatched(let path, let reason):
            "\(path) cannot be watched (\(reason)); records are seen up to 0.2 s later: raise "
                + "fs.inotify.max_user_instances or max_user_watches"
        }
    }
}
