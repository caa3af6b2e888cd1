import Storage

/// Rows that could not be imported, as a table beside the log: `line,reason,detail,row`.
///
/// `row` is the row as it stood, quoted; a file of an earlier import is continued. It exists only
/// once there is something to put in.
struct RejectsFile {
    /// Its name in the log directory.
    static let fileName = "rejects.csv"

    private let directory: String
    private let path: String
    private let disk: any Disk
    private var file: (any DiskFile)?
    private var position: Int64 = 0
    private var pending: [UInt8] = []

    init(directory: String, disk: any Disk) {
        self.directory = directory
        path = directory + "/" + Self.fileName
        self.disk = disk
    }

    mutating func append(_ row: CSVRow, _ fault: RowFault) throws(StorageError) {
        if file == nil {
            let opened = try disk.open(path, .createOrUpdate)
            position = try opened.status().byteCount
            file = opened
            if position == 0 { pending += "line,reason,detail,row\r\n".utf8 }
        }
        pending += "\(row.line),\(fault.reasonCode),\"\(fault.detail)\",\"".utf8
        for byte in row.raw {
            if byte == UInt8(ascii: "\"") { pending.append(byte) }
            pending.append(byte)
        }
        pending += "\"\r\n".utf8
        if pending.count >= 1 << 20 { try write() }
    }

    mutating func finish() throws(StorageError) {
        guard let file else { return }
        try write()
        try file.sync()
        try disk.syncDirectory(directory)
    }

    private mutating func write() throws(StorageError) {
        guard let file else { return }
        try file.write(pending, at: position)
        position += Int64(pending.count)
        pending.removeAll(keepingCapacity: true)
    }
}
