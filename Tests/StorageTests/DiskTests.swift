import Storage
import TestSupport
import Testing

/// What every `Disk` promises, asked of the real one and of the one in memory.
@Suite struct DiskTests {
    @Test func `both disks keep the contract`() throws {
        let directory = try TemporaryDirectory()
        try checkContract(of: RealDisk(), in: directory.path)
        try checkContract(of: MemoryDisk(), in: "/state")
    }

    private func checkContract(of disk: any Disk, in root: String) throws {
        try disk.makeDirectory(root + "/a/b")
        try disk.makeDirectory(root + "/a/b")
        #expect(try disk.status(root + "/a/b")?.kind == .directory)
        #expect(try disk.status(root + "/a/none") == nil)
        try checkOpenModes(of: disk, in: root + "/a")
        try checkReadsAndWrites(of: disk, in: root + "/a")
        try checkNames(of: disk, in: root)
        try checkLinks(of: disk, in: root)
        try checkWatch(of: disk, in: root)
        #expect(try disk.freeByteCount(root) > 0)
    }

    private func checkOpenModes(of disk: any Disk, in root: String) throws {
        let path = root + "/modes"
        #expect(throws: StorageError.missing(path: path)) { try disk.open(path, .read) }
        #expect(throws: StorageError.missing(path: path)) { try disk.open(path, .update) }
        let file = try disk.open(path, .create)
        #expect(throws: StorageError.exists(path: path)) { try disk.open(path, .create) }
        try file.write([1, 2, 3], at: 0)
        let again = try disk.open(path, .createOrUpdate)
        #expect(try again.status().byteCount == 3)
        #expect(try again.status().inode == disk.status(path)?.inode)
        let reader = try disk.open(path, .read)
        #expect(throws: StorageError.self) { try reader.write([9], at: 0) }
        #expect(throws: StorageError.self) {
            try disk.open(root + "/none/file", .createOrUpdate)
        }
        #expect(try file.lock())
        #expect(try !again.lock())
    }

    private func checkReadsAndWrites(of disk: any Disk, in root: String) throws {
        let file = try disk.open(root + "/bytes", .create)
        try file.write([1, 2, 3, 4], at: 2)
        var buffer: [UInt8] = [7]
        #expect(try file.read(100, at: 0, into: &buffer) == 6)
        #expect(buffer == [7, 0, 0, 1, 2, 3, 4])
        #expect(try file.read(2, at: 4, into: &buffer) == 2)
        #expect(buffer == [7, 0, 0, 1, 2, 3, 4, 3, 4])
        #expect(try file.read(1, at: 6, into: &buffer) == 0)
        #expect(try file.read(1, at: 600, into: &buffer) == 0)
        try file.truncate(to: 3)
        try file.truncate(to: 5)
        try file.sync()
        buffer = []
        _ = try file.read(100, at: 0, into: &buffer)
        #expect(buffer == [0, 0, 1, 0, 0])
    }

    private func checkNames(of disk: any Disk, in root: String) throws {
        for name in ["b", "a", "B", "\u{E9}"] { _ = try disk.open(root + "/a/b/" + name, .create) }
        #expect(try disk.names(in: root + "/a/b") == ["B", "a", "b", "\u{E9}"])
        try disk.rename(root + "/a/b", to: root + "/c")
        #expect(try disk.names(in: root) == ["a", "c"])
        #expect(throws: StorageError.self) { try disk.rename(root + "/c", to: root + "/a") }
        #expect(throws: StorageError.self) { try disk.rename(root + "/none", to: root + "/d") }
        try disk.rename(root + "/c/b", to: root + "/c/a")
        try disk.syncDirectory(root)
        #expect(try disk.names(in: root + "/c") == ["B", "a", "\u{E9}"])
        try disk.remove(root + "/c")
        try disk.remove(root + "/c")
        #expect(try disk.names(in: root) == ["a"])
        #expect(throws: StorageError.missing(path: root + "/c")) {
            try disk.names(in: root + "/c")
        }
        #expect(throws: StorageError.self) { try disk.names(in: root + "/a/bytes") }
    }

    private func checkLinks(of disk: any Disk, in root: String) throws {
        try disk.makeDirectory(root + "/one")
        _ = try disk.open(root + "/one/file", .create)
        #expect(try disk.link(root + "/current") == nil)
        try disk.setLink(root + "/current", to: "none")
        #expect(throws: StorageError.self) { try disk.open(root + "/current/file", .read) }
        try disk.setLink(root + "/current", to: "one")
        #expect(try disk.link(root + "/current") == "one")
        #expect(try disk.link(root + "/one") == nil)
        #expect(try disk.status(root + "/current")?.kind == .link)
        #expect(try disk.open(root + "/current/file", .read).status().byteCount == 0)
        #expect(try disk.names(in: root + "/current") == ["file"])
        try disk.remove(root + "/current")
        #expect(try disk.names(in: root + "/one") == ["file"])
        #expect(try disk.names(in: root) == ["a", "one"])
    }

    private func checkWatch(of disk: any Disk, in root: String) throws {
        let watch = disk.watch(root)
        let start = RealClock().monotonicNanoseconds()
        _ = try disk.open(root + "/new", .create)
        watch.wait(milliseconds: 60_000)
        watch.wake()
        watch.wait(milliseconds: 60_000)
        #expect(RealClock().monotonicNanoseconds() - start < 60_000_000_000)
        try disk.remove(root + "/new")
    }

    @Test func `errors carry the path and errno's text`() throws {
        let disk = RealDisk()
        #expect(disk.failure { try $0.names(in: "/proc/version") }.contains("Not a directory"))
        #expect(disk.failure { try $0.makeDirectory("/proc/ubpd") }.contains("/proc/ubpd"))
        #expect(try disk.status("/proc/version/none") == nil)
    }

    @Test func `a descriptor closes itself`() throws {
        let disk = RealDisk()
        let directory = try TemporaryDirectory()
        do { #expect(try disk.open(directory.path + "/file", .create).lock()) }
        let before = try disk.names(in: "/proc/self/fd").count
        for _ in 0..<100 { _ = try disk.open(directory.path + "/file", .read).status() }
        #expect(try disk.names(in: "/proc/self/fd").count < before + 50)
        #expect(try disk.open(directory.path + "/file", .update).lock())
    }
}

extension Disk {
    /// What the error that `body` throws says; empty when it throws none.
    fileprivate func failure<Result>(_ body: (Self) throws -> Result) -> String {
        do {
            _ = try body(self)
            return ""
        } catch {
            return "\(error)"
        }
    }
}
