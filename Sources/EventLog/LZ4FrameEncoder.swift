import CLZ4

/// Writes LZ4 frames through liblz4's LZ4F_*, of independent LZ4 blocks with block checksums
/// unless told otherwise.
///
/// The bytes are a function of the options and of the calls since the frame began: every frame
/// starts from a fresh context, because a reused one remembers its hash table.
@safe
package final class LZ4FrameEncoder {
    /// How frames are written.
    package struct Options: Hashable, Sendable {
        /// 4…7 for LZ4 blocks of 64 KiB, 256 KiB, 1 MiB, 4 MiB.
        package var blockSizeID: Int
        /// On by default: the `lz4` command 1.9.4 reads past the end of a frame that has LZ4 block
        /// checksums and no content checksum, and fails on whatever follows.
        package var hasContentChecksum: Bool
        package var blocksAreLinked: Bool
        /// Whether each LZ4 block has a checksum; what is read without one may be wrong unnoticed.
        package var hasBlockChecksums: Bool
        /// 0 is LZ4's fast mode, 3…12 its high compression.
        package var level: Int
        /// Decoded bytes of each frame, to be written into its header; 0 leaves them out.
        package var contentByteCount: UInt64

        /// Says how frames are written; the defaults are those of `SegmentWriter`.
        package init(
            blockSizeID: Int = 4, hasContentChecksum: Bool = true, blocksAreLinked: Bool = false,
            hasBlockChecksums: Bool = true, level: Int = 0, contentByteCount: UInt64 = 0
        ) {
            precondition((4...7).contains(blockSizeID), "LZ4 block size id \(blockSizeID)")
            self.blockSizeID = blockSizeID
            self.hasContentChecksum = hasContentChecksum
            self.blocksAreLinked = blocksAreLinked
            self.hasBlockChecksums = hasBlockChecksums
            self.level = level
            self.contentByteCount = contentByteCount
        }
    }

    private var preferences = LZ4F_preferences_t()
    // SAFETY: owned by this object, made in `begin` and freed in `release`; never handed out.
    private var context: OpaquePointer?

    /// Whether a frame has begun and not ended.
    package var isOpen: Bool { unsafe context != nil }

    /// Gets ready to write frames; nothing is allocated before `begin`.
    package init(options: Options = Options()) {
        preferences.frameInfo.blockSizeID = LZ4F_blockSizeID_t(UInt32(options.blockSizeID))
        preferences.frameInfo.blockMode =
            options.blocksAreLinked ? LZ4F_blockLinked : LZ4F_blockIndependent
        preferences.frameInfo.blockChecksumFlag =
            options.hasBlockChecksums ? LZ4F_blockChecksumEnabled : LZ4F_noBlockChecksum
        preferences.frameInfo.contentSize = options.contentByteCount
        preferences.frameInfo.contentChecksumFlag =
            options.hasContentChecksum ? LZ4F_contentChecksumEnabled : LZ4F_noContentChecksum
        preferences.compressionLevel = Int32(options.level)
    }

    deinit { release() }

    /// Begins a frame: appends its header to `output`.
    package func begin(into output: inout [UInt8]) throws(EventLogError) {
        precondition(!isOpen, "LZ4FrameEncoder: a frame is open")
        // SAFETY: the context is stored before use and freed exactly once, in `release`.
        let code = unsafe LZ4F_createCompressionContext(&context, UInt32(LZ4F_VERSION))
        try check(code)
        // SAFETY: `append` hands over a target of the capacity that it names.
        try unsafe append(Int(LZ4FrameHeader.longestByteCount), to: &output) { target, capacity in
            // SAFETY: the target has `capacity` bytes, more than the longest header.
            unsafe LZ4F_compressBegin(context, target, capacity, &preferences)
        }
    }

    /// Adds `range` of `bytes`; appends the LZ4 blocks that became full to `output`.
    package func update(
        _ bytes: [UInt8], _ range: Range<Int>, into output: inout [UInt8]
    )
        throws(EventLogError)
    {
        precondition(isOpen && range.lowerBound >= 0 && range.upperBound <= bytes.count)
        // SAFETY: LZ4F_compressBound only reads the preferences.
        let bound = unsafe LZ4F_compressBound(range.count, &preferences)
        try unsafe append(bound, to: &output) { target, capacity in
            // SAFETY: the source range lies in the array, which outlives the call.
            unsafe bytes.withUnsafeBytes { source in
                unsafe LZ4F_compressUpdate(
                    context, target, capacity,
                    source.baseAddress.map { unsafe $0 + range.lowerBound },
                    range.count, nil)
            }
        }
    }

    /// Appends what was waiting to `output`, as an LZ4 block that may be short.
    package func flush(into output: inout [UInt8]) throws(EventLogError) {
        precondition(isOpen, "LZ4FrameEncoder: no frame is open")
        // SAFETY: LZ4F_compressBound only reads the preferences.
        let bound = unsafe LZ4F_compressBound(0, &preferences)
        try unsafe append(bound, to: &output) { target, capacity in
            // SAFETY: the target has room for LZ4F_compressBound(0) bytes, a waiting LZ4 block's.
            unsafe LZ4F_flush(context, target, capacity, nil)
        }
    }

    /// Ends the frame: appends what was waiting, the end mark and the content checksum.
    package func end(into output: inout [UInt8]) throws(EventLogError) {
        precondition(isOpen, "LZ4FrameEncoder: no frame is open")
        // SAFETY: LZ4F_compressBound only reads the preferences.
        let bound = unsafe LZ4F_compressBound(0, &preferences)
        try unsafe append(bound, to: &output) { target, capacity in
            // SAFETY: the target has room for LZ4F_compressBound(0) bytes.
            unsafe LZ4F_compressEnd(context, target, capacity, nil)
        }
        release()
    }

    /// Appends what `body` writes into at most `capacity` bytes.
    private func append(
        _ capacity: Int, to output: inout [UInt8],
        _ body: (UnsafeMutableRawPointer?, Int) -> Int
    ) throws(EventLogError) {
        let start = output.count
        output.append(contentsOf: repeatElement(0, count: capacity))
        // SAFETY: the pointer stands `start` bytes into an array of `start + capacity` bytes.
        let code = unsafe output.withUnsafeMutableBytes { raw in
            unsafe body(raw.baseAddress.map { unsafe $0 + start }, capacity)
        }
        let failed = LZ4F_isError(code) != 0
        output.removeLast(capacity - (failed ? 0 : code))
        try check(code)
    }

    private func check(_ code: Int) throws(EventLogError) {
        guard LZ4F_isError(code) != 0 else { return }
        release()
        // SAFETY: liblz4 returns a static, NUL-terminated string.
        throw .compression(reason: unsafe String(cString: LZ4F_getErrorName(code)))
    }

    private func release() {
        // SAFETY: the context came from LZ4F_createCompressionContext, and is forgotten here.
        _ = unsafe LZ4F_freeCompressionContext(context)
        unsafe context = nil
    }
}
