/// Writes a `.npy` file row by row; its header comes last, when the number of rows is known.
package final class NpyStream {
    package let name: String
    private let path: String
    private let file: any DiskFile
    private let element: NpyHeader.Element
    /// Elements a row; nil for an array of one dimension.
    private let columnCount: Int?
    private var position = Int64(NpyHeader.byteCount)

    /// Creates `directory/name`, which must not exist.
    package init(
        _ name: String, in directory: String, _ element: NpyHeader.Element, columns: Int?,
        on disk: any Disk
    ) throws(StorageError) {
        self.name = name
        path = directory + "/" + name
        self.element = element
        columnCount = columns
        file = try disk.open(path, .create)
    }

    /// Appends the little-endian bytes of whole rows.
    package func append(_ bytes: [UInt8]) throws(StorageError) {
        guard !bytes.isEmpty else { return }
        try file.write(bytes, at: position)
        position += Int64(bytes.count)
    }

    /// Writes the header and makes the file durable; what the manifest says of it.
    package func finish(
        on disk: any Disk
    ) throws(StorageError) -> (shape: [Int], digest: FileDigest) {
        let rowByteCount = element.byteCount * (columnCount ?? 1)
        let rows = Int(position - Int64(NpyHeader.byteCount)) / rowByteCount
        let header: NpyHeader =
            switch (element, columnCount) {
            case (.int64, nil): .int64(count: rows)
            case (.int64, let columns?): .int64(rows: rows, columns: columns)
            case (.float16, let columns): .float16(rows: rows, columns: columns ?? 1)
            case (.float64, let columns): .float64(rows: rows, columns: columns ?? 1)
            }
        try file.write(header.encoded(), at: 0)
        try file.sync()
        return (header.shape, try disk.contentHash(of: path))
    }
}
