import Storage

/// Where the bytes of a table come from.
package protocol ByteSource {
    /// Appends up to `count` bytes to `buffer`; returns how many, 0 only at the end.
    mutating func read(_ count: Int, into buffer: inout [UInt8]) throws(ImportError) -> Int
    /// Bytes of the file that were read, and how many it has when that is known: for the ETA.
    var progress: (done: Int64, total: Int64?) { get }
}

/// A plain file.
package struct FileSource: ByteSource {
    private let file: any DiskFile
    private let byteCount: Int64
    private var position: Int64 = 0

    /// Opens a file that exists.
    package init(_ path: String, on disk: any Disk) throws(ImportError) {
        do throws(StorageError) {
            file = try disk.open(path, .read)
            byteCount = try file.status().byteCount
        } catch { throw .storage(error) }
    }

    package var progress: (done: Int64, total: Int64?) { (position, byteCount) }

    package mutating func read(
        _ count: Int, into buffer: inout [UInt8]
    ) throws(ImportError) -> Int {
        do throws(StorageError) {
            let read = try file.read(count, at: position, into: &buffer)
            position += Int64(read)
            return read
        } catch { throw .storage(error) }
    }
}
