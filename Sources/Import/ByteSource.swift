import EventLog
import Storage

/// Where the bytes of a table come from.
package protocol ByteSource {
    /// Appends about `count` bytes to `buffer`; returns how many, 0 only at the end.
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

    /// Appends up to `count` bytes to `buffer`; returns how many, 0 only at the end.
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

/// An LZ4 file, decoded.
package struct LZ4Source: ByteSource {
    private let reader: LZ4FileReader

    /// Opens a file that exists.
    package init(_ path: String, on disk: any Disk) throws(ImportError) {
        do throws(StorageError) { reader = try LZ4FileReader(path, on: disk) } catch {
            throw .storage(error)
        }
    }

    package var progress: (done: Int64, total: Int64?) { (reader.position, reader.byteCount) }

    /// Appends one LZ4 block, at most 4 MiB, whatever `count` says.
    package mutating func read(
        _ count: Int, into buffer: inout [UInt8]
    ) throws(ImportError) -> Int {
        do throws(StorageError) { return try reader.read(into: &buffer) } catch {
            throw .storage(error)
        }
    }
}

/// A table in a file: plain, or LZ4 when it begins as an LZ4 frame does.
package func tableSource(
    _ path: String, on disk: any Disk
) throws(ImportError) -> any ByteSource {
    let isLZ4: Bool
    do throws(StorageError) { isLZ4 = try LZ4FileReader.isLZ4(path, on: disk) } catch {
        throw .storage(error)
    }
    if isLZ4 { return try LZ4Source(path, on: disk) }
    return try FileSource(path, on: disk)
}
