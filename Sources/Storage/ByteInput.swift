/// Bytes that come when they come, such as standard input's; a test's script stands in for them.
package protocol ByteInput: AnyObject {
    /// Waits for bytes, and appends those that are there to `buffer`, at most `count`.
    ///
    /// `count` is 1…64 MiB; without `milliseconds`, the longest wait, it waits until something
    /// happens.
    func read(
        _ count: Int, waitMilliseconds milliseconds: Int?, into buffer: inout [UInt8]
    ) throws(StorageError) -> ByteArrival
}

/// What a wait for bytes ended with.
package enum ByteArrival: Sendable, Equatable {
    /// So many were appended, at least one.
    case bytes(Int)
    /// The time passed.
    case nothing
    /// There will be no more.
    case end
    /// Somebody wants this process to end; bytes may be left unread.
    case stopped
}
