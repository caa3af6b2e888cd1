import Glibc
import Storage
import Synchronization

/// An open file of a `MemoryDisk`; dead after the disk crashed.
final class MemoryFile: DiskFile {
    private let disk: MemoryDisk
    private let path: String
    private let node: UInt64
    private let epoch: Int
    private let isReadOnly: Bool
    private let handle: UInt64

    init(disk: MemoryDisk, path: String, node: UInt64, epoch: Int, isReadOnly: Bool) {
        self.disk = disk
        self.path = path
        self.node = node
        self.epoch = epoch
        self.isReadOnly = isReadOnly
        handle = disk.state.withLock { tree in
            tree.nextHandle += 1
            return tree.nextHandle
        }
    }

    deinit {
        disk.state.withLock { tree in
            if tree.nodes[node]?.lockHolder == handle { tree.nodes[node]?.lockHolder = nil }
        }
    }

    func status() throws(StorageError) -> FileStatus {
        try perform("fstat") { (_, node) in node.status }
    }

    func read(
        _ count: Int, at position: Int64, into buffer: inout [UInt8]
    ) throws(StorageError) -> Int {
        precondition(count >= 0 && count <= 64 << 20, "read of \(count) bytes")
        precondition(position >= 0, "read at \(position)")
        let bytes = try perform("read") { (limit, node) in
            let start = Int(min(position, Int64(node.content.count)))
            let end = min(node.content.count, start + min(count, limit ?? count))
            return Array(node.content[start..<end])
        }
        buffer += bytes
        return bytes.count
    }

    func write(_ bytes: Span<UInt8>, at position: Int64) throws(StorageError) {
        precondition(position >= 0, "write at \(position)")
        if isReadOnly { throw SystemCall.error("write", path, EBADF) }
        var copy: [UInt8] = []
        copy.reserveCapacity(bytes.count)
        for index in bytes.indices { copy.append(bytes[index]) }
        let start = Int(position)
        try change("write", to: max(0, start + copy.count)) { node in
            let end = start + copy.count
            if node.content.count < end {
                node.content.append(
                    contentsOf: [UInt8](repeating: 0, count: end - node.content.count))
            }
            node.content.replaceSubrange(start..<end, with: copy)
        }
    }

    func truncate(to byteCount: Int64) throws(StorageError) {
        if isReadOnly { throw SystemCall.error("ftruncate", path, EBADF) }
        let count = Int(byteCount)
        try change("ftruncate", to: count) { node in
            if count <= node.content.count {
                node.content.removeLast(node.content.count - count)
            } else {
                node.content += [UInt8](repeating: 0, count: count - node.content.count)
            }
        }
    }

    func sync() throws(StorageError) {
        try disk.perform("fsync", path) { (tree) throws(StorageError) in
            try self.checkAlive(tree)
            try tree.sync(self.node, self.path)
        }
    }

    func lock() throws(StorageError) -> Bool {
        try disk.perform("flock", path) { (tree) throws(StorageError) in
            try self.checkAlive(tree)
            if let holder = tree.nodes[self.node]?.lockHolder { return holder == self.handle }
            tree.nodes[self.node]?.lockHolder = self.handle
            return true
        }
    }

    /// Reads the node in one operation, given the operation's read limit.
    private func perform<Result: Sendable>(
        _ operation: String, _ body: (Int?, MemoryNode) -> Result
    ) throws(StorageError) -> Result {
        try disk.perform(operation, path) { (tree) throws(StorageError) in
            try self.checkAlive(tree)
            guard let node = tree.nodes[self.node] else { throw .missing(path: self.path) }
            return body(tree.readLimit, node)
        }
    }

    /// Changes the node in one operation, unless it would outgrow the disk.
    private func change(
        _ operation: String, to byteCount: Int, _ body: (inout MemoryNode) -> Void
    ) throws(StorageError) {
        let seconds = disk.now()
        try disk.perform(operation, path) { (tree) throws(StorageError) in
            try self.checkAlive(tree)
            guard let old = tree.nodes[self.node]?.content.count else {
                throw .missing(path: self.path)
            }
            let growth = Int64(max(0, byteCount - old))
            if growth > 0 && tree.usedByteCount + growth > tree.capacity {
                throw SystemCall.error(operation, self.path, ENOSPC)
            }
            if var node = tree.nodes.removeValue(forKey: self.node) {
                body(&node)
                node.modifiedSeconds = seconds
                tree.nodes[self.node] = node
            }
            for watch in tree.watches { watch.wake() }
        }
    }

    private func checkAlive(_ tree: MemoryTree) throws(StorageError) {
        if tree.epoch != epoch { throw SystemCall.error("use after a crash", path, EIO) }
    }
}
