extension Disk {
    /// The whole content of a file that holds at most `limit` bytes.
    ///
    /// - Throws: `.malformed` when the file is larger, or grows while it is read.
    package func bytes(of path: String, limit: Int) throws(StorageError) -> [UInt8] {
        let file = try open(path, .read)
        let byteCount = try file.status().byteCount
        if byteCount > Int64(limit) {
            throw .malformed(
                path: path, reason: "\(byteCount) bytes, and at most \(limit) are expected here")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(byteCount) + 1)
        while bytes.count <= limit {
            let count = min(limit + 1 - bytes.count, readByteCount)
            if try file.read(count, at: Int64(bytes.count), into: &bytes) == 0 { return bytes }
        }
        throw .malformed(path: path, reason: "more than \(limit) bytes")
    }

    /// The text of a file that holds at most `limit` bytes of UTF-8.
    package func text(of path: String, limit: Int) throws(StorageError) -> String {
        guard let text = String(validating: try bytes(of: path, limit: limit), as: UTF8.self) else {
            throw .malformed(path: path, reason: "not UTF-8")
        }
        return text
    }

    /// SHA-256 and size of a file, read from the device where the system lets us ask for that.
    package func contentHash(of path: String) throws(StorageError) -> FileDigest {
        let file = try open(path, .read)
        file.dropCache()
        var hash = ContentHash()
        var buffer: [UInt8] = []
        buffer.reserveCapacity(readByteCount)
        var position: Int64 = 0
        while try file.read(readByteCount, at: position, into: &buffer) > 0 {
            hash.update(buffer.span)
            position += Int64(buffer.count)
            buffer.removeAll(keepingCapacity: true)
        }
        return FileDigest(byteCount: position, sha256: hash.finishHex())
    }

    /// Makes a directory and its missing parents, and their names durable.
    package func makeDurableDirectory(_ path: String) throws(StorageError) {
        if try status(path) != nil { return try makeDirectory(path) }
        if let parent = path.parentPath { try makeDurableDirectory(parent) }
        try makeDirectory(path)
        try syncDirectory(path.parentPath ?? ".")
    }

    /// fsyncs every file and directory below `path`, and `path` itself.
    package func syncTree(_ path: String) throws(StorageError) {
        for name in try names(in: path) {
            let child = path + "/" + name
            switch try status(child)?.kind {
            case .directory: try syncTree(child)
            case .file: try open(child, .update).sync()
            default: break
            }
        }
        try syncDirectory(path)
    }

    /// Paths of all files below `directory`, relative to it, ascending.
    package func filesBelow(_ directory: String) throws(StorageError) -> [String] {
        var files: [String] = []
        for name in try names(in: directory) {
            switch try status(directory + "/" + name)?.kind {
            case .directory:
                for file in try filesBelow(directory + "/" + name) {
                    files.append(name + "/" + file)
                }
            case .file: files.append(name)
            default: break
            }
        }
        return files.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}

/// How much of a file is read at once, bytes.
package let readByteCount = 1 << 20

/// Size and SHA-256 of a file, as manifests keep them.
package struct FileDigest: Sendable, Hashable, Codable {
    package var byteCount: Int64
    /// 64 lower-case hexadecimal digits.
    package var sha256: String

    /// The digest of a file.
    package init(byteCount: Int64, sha256: String) {
        self.byteCount = byteCount
        self.sha256 = sha256
    }

    enum CodingKeys: String, CodingKey {
        case byteCount = "bytes"
        case sha256
    }
}
