import Glibc
import Storage

/// One file, directory or link.
struct MemoryNode {
    let number: UInt64
    let kind: FileStatus.Kind
    var modifiedSeconds: Int64
    /// A file's bytes now, and as last synced.
    var content: [UInt8] = []
    var syncedContent: [UInt8] = []
    /// fsync of this file failed once, so that no later one can be believed.
    var isTainted = false
    /// A directory's names now, and as last synced, with the changes between in order.
    var entries: [String: UInt64] = [:]
    var syncedEntries: [String: UInt64] = [:]
    var pendingEntries: [(name: String, node: UInt64?)] = []
    /// A link's target.
    var target: String?
    /// Which open file holds the lock.
    var lockHolder: UInt64?

    var status: FileStatus {
        FileStatus(
            kind: kind, byteCount: Int64(content.count), device: 1, inode: number,
            modifiedSeconds: modifiedSeconds)
    }
}

/// A name in a directory, whether or not something stands there.
struct MemoryPlace: Equatable {
    let directory: UInt64
    let name: String
}

/// The tree behind a `MemoryDisk`; its lock is the disk's.
struct MemoryTree {
    static let root: UInt64 = 1

    let capacity: Int64
    var nodes: [UInt64: MemoryNode] = [
        root: MemoryNode(number: root, kind: .directory, modifiedSeconds: 0)
    ]
    var nextNumber: UInt64 = 2
    var nextHandle: UInt64 = 0
    /// Crashes so far; files opened in an earlier epoch are dead.
    var epoch = 0
    var operationCount = 0
    var faults: [Int: MemoryDisk.Fault] = [:]
    var isPowerLost = false
    /// Set by a `shortRead` fault for the operation that is running.
    var readLimit: Int?
    /// Set by a `syncFailure` fault for the operation that is running.
    var failsSync = false
    var watches: [PollingWatch] = []

    init(capacity: Int64) {
        self.capacity = capacity
    }

    var usedByteCount: Int64 {
        nodes.values.reduce(0) { $0 + Int64($1.content.count) }
    }

    /// Starts an operation: counts it and throws when its fault says so.
    mutating func begin(_ operation: String, _ path: String) throws(StorageError) {
        let fault = faults.removeValue(forKey: operationCount)
        operationCount += 1
        readLimit = nil
        failsSync = false
        if isPowerLost { throw SystemCall.error(operation, path, EIO) }
        switch fault {
        case .error(let number): throw SystemCall.error(operation, path, number)
        case .shortRead(let count): readLimit = max(1, count)
        case .syncFailure: failsSync = true
        case .powerLoss:
            isPowerLost = true
            throw SystemCall.error(operation, path, EIO)
        case nil: break
        }
    }

    mutating func open(
        _ path: String, _ mode: OpenMode, _ seconds: Int64
    ) throws(StorageError) -> UInt64 {
        if let node = try find(path, followingLast: true) {
            if mode == .create { throw .exists(path: path) }
            if nodes[node]?.kind != .file { throw SystemCall.error("open", path, EISDIR) }
            return node
        }
        guard mode == .create || mode == .createOrUpdate, let place = try place(path) else {
            throw .missing(path: path)
        }
        if child(place) != nil { throw .missing(path: path) }
        return add(.file, at: place, seconds)
    }

    mutating func makeDirectory(_ path: String, _ seconds: Int64) throws(StorageError) {
        var prefix = ""
        for name in Self.components(path) {
            prefix += "/" + name
            if let node = try find(prefix, followingLast: true) {
                if nodes[node]?.kind != .directory { throw .exists(path: path) }
            } else if let place = try place(prefix) {
                _ = add(.directory, at: place, seconds)
            }
        }
    }

    mutating func rename(_ path: String, to target: String) throws(StorageError) {
        guard let from = try place(path), let node = child(from), let to = try place(target) else {
            throw .missing(path: path)
        }
        if from == to { return }
        let operation = "rename to \(target)"
        let isDirectory = nodes[node]?.kind == .directory
        if isDirectory && (Self.components(target) + [""]).starts(with: Self.components(path)) {
            throw SystemCall.error(operation, path, EINVAL)
        }
        if let old = child(to), let oldNode = nodes[old] {
            switch (isDirectory, oldNode.kind == .directory) {
            case (true, false): throw SystemCall.error(operation, path, ENOTDIR)
            case (false, true): throw SystemCall.error(operation, path, EISDIR)
            case (true, true) where !oldNode.entries.isEmpty:
                throw SystemCall.error(operation, path, ENOTEMPTY)
            default: break
            }
        }
        setChild(to, node)
        setChild(from, nil)
    }

    mutating func exchange(_ path: String, with other: String) throws(StorageError) {
        guard let one = try place(path), let oneNode = child(one) else {
            throw .missing(path: path)
        }
        guard let two = try place(other), let twoNode = child(two) else {
            throw .missing(path: other)
        }
        setChild(one, twoNode)
        setChild(two, oneNode)
    }

    mutating func setLink(
        _ path: String, to target: String, _ seconds: Int64
    ) throws(StorageError) {
        guard let place = try place(path) else { throw .missing(path: path) }
        if let old = child(place), nodes[old]?.kind == .directory {
            throw SystemCall.error("symlink", path, EISDIR)
        }
        let node = add(.link, at: place, seconds)
        nodes[node]?.target = target
    }

    mutating func sync(_ node: UInt64, _ path: String) throws(StorageError) {
        if failsSync {
            nodes[node]?.isTainted = true
            throw .syncFailed(path: path, reason: SystemCall.text(EIO))
        }
        guard var synced = nodes[node], !synced.isTainted else { return }
        synced.syncedContent = synced.content
        synced.syncedEntries = synced.entries
        synced.pendingEntries = []
        nodes[node] = synced
    }

    /// Makes a node and names it, over what stood there.
    private mutating func add(
        _ kind: FileStatus.Kind, at place: MemoryPlace, _ seconds: Int64
    ) -> UInt64 {
        let number = nextNumber
        nextNumber += 1
        nodes[number] = MemoryNode(number: number, kind: kind, modifiedSeconds: seconds)
        setChild(place, number)
        return number
    }

    func child(_ place: MemoryPlace) -> UInt64? {
        nodes[place.directory]?.entries[place.name]
    }

    mutating func setChild(_ place: MemoryPlace, _ node: UInt64?) {
        nodes[place.directory]?.entries[place.name] = node
        nodes[place.directory]?.pendingEntries.append((place.name, node))
        for watch in watches { watch.wake() }
    }

    func names(in directory: UInt64) -> [String] {
        (nodes[directory]?.entries ?? [:]).keys
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
