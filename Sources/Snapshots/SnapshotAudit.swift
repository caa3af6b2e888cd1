import Events
import Storage

/// Reads one file of a snapshot from its first byte to its last and checks what it must be.
struct SnapshotAudit {
    /// What the data behind the header must satisfy.
    enum Rule {
        /// `int64`, strictly ascending.
        case ascending
        /// `float16`, finite; so many columns.
        case finite(width: Int)
    }

    let disk: any Disk
    let path: String
    let header: NpyHeader
    let rule: Rule

    /// What was read: the whole file's digest, and the hash of what follows the header.
    struct Result {
        let digest: FileDigest
        let bodySHA256: String?
    }

    /// Reads the file cold.
    ///
    /// - Parameter hashesBody: also hash the data alone, which its writer did as it wrote.
    /// - Returns: what the manifest must say of the file.
    /// - Throws: `damaged` for the first thing that is wrong.
    func run(hashesBody: Bool) throws(SnapshotError) -> Result {
        let file = try inPublished { () throws(StorageError) in try disk.open(path, .read) }
        file.dropCache()
        try checkSize(of: file)
        var whole = ContentHash()
        var body = ContentHash()
        var check = DataCheck(path: path, rule: rule)
        var position: Int64 = 0
        var block: [UInt8] = []
        block.reserveCapacity(readByteCount)
        while true {
            try fill(&block, from: file, at: position)
            if block.isEmpty { break }
            whole.update(block.span)
            let start = position == 0 ? NpyHeader.byteCount : 0
            if position == 0 { try checkHeader(block) }
            let data = block.span.extracting(droppingFirst: start)
            if hashesBody { body.update(data) }
            try check.take(data)
            position += Int64(block.count)
        }
        let digest = FileDigest(byteCount: position, sha256: whole.finishHex())
        return Result(digest: digest, bodySHA256: hashesBody ? body.finishHex() : nil)
    }

    /// A block that is full unless the file ends in it, so that no number straddles two.
    private func fill(
        _ block: inout [UInt8], from file: any DiskFile, at position: Int64
    ) throws(SnapshotError) {
        block.removeAll(keepingCapacity: true)
        while block.count < readByteCount {
            let count = readByteCount - block.count
            let at = position + Int64(block.count)
            var read = 0
            do throws(StorageError) { read = try file.read(count, at: at, into: &block) } catch {
                throw .storage(error)
            }
            if read == 0 { break }
        }
    }

    private func checkSize(of file: any DiskFile) throws(SnapshotError) {
        let found = try onDisk { () throws(StorageError) in try file.status().byteCount }
        if found != header.fileByteCount {
            throw .damaged(
                path: path,
                reason: "\(found) bytes instead of \(header.fileByteCount ?? .max)")
        }
    }

    private func checkHeader(_ block: [UInt8]) throws(SnapshotError) {
        if Array(block.prefix(NpyHeader.byteCount)) != header.encoded() {
            throw .damaged(path: path, reason: "its npy header is not the manifest's shape")
        }
    }
}

/// Checks numbers as their bytes go by.
private struct DataCheck {
    let path: String
    let rule: SnapshotAudit.Rule
    private var previous: Int64?
    private var count: Int64 = 0

    init(path: String, rule: SnapshotAudit.Rule) {
        self.path = path
        self.rule = rule
    }

    mutating func take(_ bytes: Span<UInt8>) throws(SnapshotError) {
        switch rule {
        case .ascending: try takeUsers(bytes)
        case .finite(let width): try takeHalves(bytes, width)
        }
    }

    private mutating func takeUsers(_ bytes: Span<UInt8>) throws(SnapshotError) {
        var start = 0
        while start + 8 <= bytes.count {
            var bits: UInt64 = 0
            for index in 0..<8 { bits |= UInt64(bytes[start + index]) << UInt64(8 * index) }
            let user = Int64(bitPattern: bits)
            if let previous, user <= previous {
                throw .damaged(path: path, reason: "user \(user) follows user \(previous)")
            }
            previous = user
            start += 8
        }
    }

    private mutating func takeHalves(
        _ bytes: Span<UInt8>, _ width: Int
    ) throws(SnapshotError) {
        var high = 1
        while high < bytes.count {
            // Exponent bits all set mean infinity or no number (IEEE 754-2019, 3.4).
            if bytes[high] & 0x7C == 0x7C {
                let index = count + Int64(high / 2)
                let row = index / Int64(width)
                let column = index % Int64(width)
                throw .damaged(path: path, reason: "row \(row), column \(column) is not finite")
            }
            high += 2
        }
        count += Int64(bytes.count / 2)
    }
}
