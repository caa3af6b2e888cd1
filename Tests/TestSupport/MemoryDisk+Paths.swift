import Glibc
import Storage

extension MemoryTree {
    /// Names on the way from the root, `.` dropped and `..` resolved by text.
    static func components(_ path: String) -> [String] {
        var components: [String] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." {
                _ = components.popLast()
            } else {
                components.append(String(part))
            }
        }
        return components
    }

    /// The node at `path`; nil when nothing stands there.
    func find(_ path: String, followingLast: Bool) throws(StorageError) -> UInt64? {
        var hops = 0
        return try find(Self.components(path), followingLast, path, &hops)?.node
    }

    /// The directory at `path`.
    func directory(_ path: String) throws(StorageError) -> UInt64 {
        guard let node = try find(path, followingLast: true) else { throw .missing(path: path) }
        guard nodes[node]?.kind == .directory else {
            throw SystemCall.error("opendir", path, ENOTDIR)
        }
        return node
    }

    /// The directory and name that `path` means, its last component not followed; nil for `/`.
    func place(_ path: String) throws(StorageError) -> MemoryPlace? {
        let components = Self.components(path)
        guard let name = components.last else { return nil }
        var hops = 0
        guard let parent = try find(Array(components.dropLast()), true, path, &hops),
            nodes[parent.node]?.kind == .directory
        else { throw .missing(path: path) }
        return MemoryPlace(directory: parent.node, name: name)
    }

    /// Walks `components` from the root, returning the node and its real path.
    private func find(
        _ components: [String], _ followingLast: Bool, _ path: String, _ hops: inout Int
    ) throws(StorageError) -> (node: UInt64, path: [String])? {
        var node = Self.root
        var real: [String] = []
        for (index, name) in components.enumerated() {
            guard let next = nodes[node]?.entries[name] else { return nil }
            let isLast = index == components.count - 1
            if let target = nodes[next]?.target, !isLast || followingLast {
                hops += 1
                if hops > 40 { throw SystemCall.error("open", path, ELOOP) }
                let base = target.hasPrefix("/") ? "" : real.joined(separator: "/") + "/"
                let resolved = Self.components(base + target)
                guard let found = try find(resolved, true, path, &hops) else { return nil }
                (node, real) = found
            } else {
                node = next
                real.append(name)
            }
        }
        return (node, real)
    }

    /// Every file's content by its path, ascending; a link counts as `-> target`.
    func contents() -> [(path: String, bytes: [UInt8])] {
        var result: [(path: String, bytes: [UInt8])] = []
        collect(Self.root, "", &result)
        return result
    }

    private func collect(
        _ directory: UInt64, _ path: String, _ result: inout [(path: String, bytes: [UInt8])]
    ) {
        for name in names(in: directory) {
            guard let number = nodes[directory]?.entries[name], let node = nodes[number] else {
                continue
            }
            switch node.kind {
            case .directory: collect(number, path + "/" + name, &result)
            case .link: result.append((path + "/" + name, Array("-> \(node.target ?? "")".utf8)))
            default: result.append((path + "/" + name, node.content))
            }
        }
    }

    /// Loses what was not synced and forgets nodes that no name leads to.
    mutating func crash(_ survival: MemoryDisk.Survival) {
        var random: SeededRandom?
        if case .some(let seed) = survival { random = SeededRandom(seed: seed, stream: 0) }
        for number in nodes.keys.sorted() {
            guard var node = nodes[number] else { continue }
            node.lockHolder = nil
            node.isTainted = false
            let kept = Int((random?.next() ?? 0) & 0xFFFF)
            node.content = Self.survivor(of: node, random == nil ? nil : kept)
            node.entries = node.syncedEntries
            if random != nil {
                for change in node.pendingEntries.prefix(kept % (node.pendingEntries.count + 1)) {
                    node.entries[change.name] = change.node
                }
            }
            node.syncedContent = node.content
            node.syncedEntries = node.entries
            node.pendingEntries = []
            nodes[number] = node
        }
        removeDoubles()
        var reached: Set<UInt64> = []
        reach(Self.root, &reached)
        nodes = nodes.filter { reached.contains($0.key) }
        epoch += 1
        isPowerLost = false
        faults = [:]
        for watch in watches { watch.wake() }
    }

    /// What is left of a file's bytes: as synced, as written, or the new length with a torn middle.
    ///
    /// Bytes that are as they were synced are safe. Of those that changed, the first ones are as
    /// written, the others as synced, or zero where the file was shorter then.
    private static func survivor(of node: MemoryNode, _ draw: Int?) -> [UInt8] {
        let (written, synced) = (node.content, node.syncedContent)
        guard let draw, written != synced else { return synced }
        switch draw % 3 {
        case 0: return synced
        case 1: return written
        default:
            let common = zip(written, synced).prefix { $0 == $1 }.count
            let cut = common + (written.count - common) * (draw % 101) / 101
            let unwritten = (cut..<written.count).map { $0 < synced.count ? synced[$0] : 0 }
            return written.prefix(cut) + unwritten
        }
    }

    /// A directory moved between two others may survive in both; a real one keeps one name.
    private mutating func removeDoubles() {
        var seen: Set<UInt64> = []
        for number in nodes.keys.sorted() {
            for name in names(in: number) {
                guard let child = nodes[number]?.entries[name],
                    nodes[child]?.kind == .directory, !seen.insert(child).inserted
                else { continue }
                nodes[number]?.entries[name] = nil
                nodes[number]?.syncedEntries[name] = nil
            }
        }
    }

    private func reach(_ number: UInt64, _ reached: inout Set<UInt64>) {
        guard reached.insert(number).inserted, let node = nodes[number] else { return }
        for child in node.entries.values { reach(child, &reached) }
    }

    /// Traps unless every name leads to a node, and to a directory only once.
    func checkInvariants() {
        var directories: Set<UInt64> = []
        for (number, node) in nodes {
            precondition(node.number == number, "node \(number) thinks it is \(node.number)")
            precondition(node.kind == .directory || node.entries.isEmpty, "names in a file")
            precondition((node.kind == .link) == (node.target != nil), "link without a target")
            for (name, child) in node.entries {
                precondition(!name.isEmpty && !name.contains("/"), "name '\(name)'")
                precondition(nodes[child] != nil, "'\(name)' leads nowhere")
                if nodes[child]?.kind == .directory {
                    precondition(directories.insert(child).inserted, "'\(name)' has two names")
                }
            }
        }
        precondition(usedByteCount <= capacity, "\(usedByteCount) bytes on \(capacity)")
    }
}
