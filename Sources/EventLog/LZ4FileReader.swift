import Storage

/// Reads one finished LZ4 file from its start to its end: what `lz4 -dc` gives.
///
/// Unlike a segment of the log, such a file must be whole: damage is an error.
package final class LZ4FileReader {
    private let path: String
    private let scanner: LZ4FrameScanner
    /// Bytes of the file, and how many of them were read.
    package let byteCount: Int64
    package var position: Int64 { min(byteCount, scanner.window.position) }

    /// Opens a file that exists; nothing is read yet.
    package init(_ path: String, on disk: any Disk) throws(StorageError) {
        self.path = path
        let file = try disk.open(path, .read)
        byteCount = try file.status().byteCount
        scanner = LZ4FrameScanner(file: file, framePosition: 0)
    }

    /// Whether a file begins as an LZ4 frame does.
    package static func isLZ4(_ path: String, on disk: any Disk) throws(StorageError) -> Bool {
        var start: [UInt8] = []
        _ = try disk.open(path, .read).read(4, at: 0, into: &start)
        return start == [0x04, 0x22, 0x4D, 0x18]
    }

    /// Appends the next LZ4 block's bytes to `buffer`; returns how many, 0 only at the end.
    package func read(into buffer: inout [UInt8]) throws(StorageError) -> Int {
        while true {
            switch try scanner.step(isComplete: true) {
            case .bytes:
                if scanner.outputRange.isEmpty { continue }
                buffer += scanner.output[scanner.outputRange]
                return scanner.outputRange.count
            case .damage(let damage):
                throw .malformed(
                    path: path,
                    reason: "byte \(damage.position): \(damage.reason); test it with `lz4 -t`")
            case .starved:
                throw .malformed(path: path, reason: "the file is cut off; test it with `lz4 -t`")
            case .finished: return 0
            }
        }
    }
}
