/// Bounds and times of reading a log.
package struct LogReaderOptions: Hashable, Sendable {
    /// Most decoded bytes of one chunk; one record may exceed it.
    package var chunkByteCount: Int
    /// Most entries of one chunk; one more where damage stands right before the last record.
    package var chunkRecordCount: Int
    /// Longest record, bytes without the line end; a longer one becomes damage.
    package var recordByteCount: Int
    /// How long a segment below the highest must have been quiet before it counts as complete.
    package var sealGraceMilliseconds: Int
    /// Shortest time between two listings of the directory.
    package var listMilliseconds: Int
    /// Most notices kept; the oldest leave.
    package var noticeCount: Int

    /// Sets bounds and times; each has a default that suits a daemon.
    package init(
        chunkByteCount: Int = 256 * 1024, chunkRecordCount: Int = 4096,
        recordByteCount: Int = 64 * 1024, sealGraceMilliseconds: Int = 2000,
        listMilliseconds: Int = 1000, noticeCount: Int = 64
    ) {
        precondition(
            chunkByteCount > 0 && chunkRecordCount > 0 && recordByteCount > 0 && noticeCount > 0,
            "LogReaderOptions: every bound must be positive")
        self.chunkByteCount = chunkByteCount
        self.chunkRecordCount = chunkRecordCount
        self.recordByteCount = recordByteCount
        self.sealGraceMilliseconds = sealGraceMilliseconds
        self.listMilliseconds = listMilliseconds
        self.noticeCount = noticeCount
    }
}
