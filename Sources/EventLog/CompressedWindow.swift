import Storage

/// The part of a segment's compressed bytes that is being read.
struct CompressedWindow {
    /// Bytes read ahead at a time.
    private static let readByteCount = 256 * 1024

    let file: any DiskFile
    /// Compressed bytes from byte position `start` on.
    private(set) var bytes: [UInt8] = []
    private var start: Int64
    /// Byte position of the next byte to interpret.
    private(set) var position: Int64

    init(file: any DiskFile, position: Int64) {
        self.file = file
        start = position
        self.position = position
    }

    /// Index in `bytes` of the byte at `position`.
    var index: Int { Int(position - start) }

    /// Bytes at hand from `position` on.
    var count: Int { bytes.count - index }

    /// Goes on to a later byte position.
    mutating func move(to target: Int64) {
        precondition(target >= position, "CompressedWindow: back from \(position) to \(target)")
        position = target
        if index > bytes.count {
            bytes.removeAll(keepingCapacity: true)
            start = position
        }
    }

    /// Whether `wanted` bytes from `position` on are at hand, after reading what the file has.
    mutating func has(_ wanted: Int) throws(StorageError) -> Bool {
        if count >= wanted { return true }
        bytes.removeFirst(index)
        start = position
        while bytes.count < wanted {
            let missing = max(wanted - bytes.count, Self.readByteCount)
            let end = start + Int64(bytes.count)
            if try file.read(missing, at: end, into: &bytes) == 0 { return false }
        }
        return true
    }

    /// Byte position behind the last byte read ahead.
    var end: Int64 { start + Int64(bytes.count) }

    /// Forgets bytes read ahead: the file under them may have changed.
    mutating func forget() {
        bytes.removeAll(keepingCapacity: true)
        start = position
    }
}
