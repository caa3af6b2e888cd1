import Storage
import TestSupport
import Testing

@Suite struct AtomicFileTests {
    private let old: [UInt8] = Array("old".utf8)
    private let new: [UInt8] = Array("new content".utf8)

    /// A disk whose `/d/file` durably holds `old`.
    private func prepared() throws -> (MemoryDisk, Host) {
        let disk = MemoryDisk(capacity: 1000)
        let host = Host.simulated(disk: disk)
        try disk.makeDurableDirectory("/d")
        try AtomicFile.write(old, to: "/d/file", on: host)
        return (disk, host)
    }

    @Test func `replaces a file on the real disk`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/file"
        try AtomicFile.write(old, to: path, on: .real)
        try AtomicFile.write(new, to: path, on: .real)
        #expect(try RealDisk().bytes(of: path, limit: 100) == new)
        #expect(try RealDisk().names(in: directory.path) == ["file"])
    }

    @Test func `a crash at any operation leaves the old file or the new one`() throws {
        let (measured, measuredHost) = try prepared()
        let before = measured.operationCount
        try AtomicFile.write(new, to: "/d/file", on: measuredHost)
        let operations = measured.operationCount - before
        var outcomes: Set<[UInt8]> = []
        for operation in 0...operations {
            for survival in [MemoryDisk.Survival.nothing, .some(seed: UInt64(operation))] {
                let (disk, host) = try prepared()
                disk.inject(.powerLoss, at: disk.operationCount + operation)
                let finished = (try? AtomicFile.write(new, to: "/d/file", on: host)) != nil
                disk.crash(survival)
                let found = try disk.bytes(of: "/d/file", limit: 100)
                #expect(found == new || (found == old && !finished))
                outcomes.insert(found)
                _ = try AtomicFile.removeLeftovers(in: "/d", on: disk)
                #expect(try disk.names(in: "/d") == ["file"])
            }
        }
        #expect(outcomes == [old, new])
    }

    @Test func `a failure leaves the old file and nothing else`() throws {
        let (measured, measuredHost) = try prepared()
        let before = measured.operationCount
        try AtomicFile.write(new, to: "/d/file", on: measuredHost)
        // The last operation syncs the directory; the rename has happened by then.
        for operation in 0..<(measured.operationCount - before - 1) {
            let (disk, host) = try prepared()
            disk.inject(.error(28), at: disk.operationCount + operation)
            #expect(throws: StorageError.self) {
                try AtomicFile.write(new, to: "/d/file", on: host)
            }
            #expect(try disk.bytes(of: "/d/file", limit: 100) == old)
            #expect(try disk.names(in: "/d") == ["file"])
        }
    }

    @Test func `a failed fsync is an error, and a full disk too`() throws {
        let (disk, host) = try prepared()
        disk.inject(.syncFailure, at: disk.operationCount + 2)
        #expect(throws: StorageError.self) { try AtomicFile.write(new, to: "/d/file", on: host) }
        #expect(throws: StorageError.self) {
            try AtomicFile.write([UInt8](repeating: 1, count: 2000), to: "/d/file", on: host)
        }
        #expect(disk.contents().map(\.path) == ["/d/file"])
    }

    @Test func `bounds what it reads and survives short reads`() throws {
        let (disk, _) = try prepared()
        #expect(throws: StorageError.self) { try disk.bytes(of: "/d/file", limit: 2) }
        #expect(try disk.bytes(of: "/d/file", limit: 3) == old)
        let before = disk.operationCount
        for operation in 0..<4 { disk.inject(.shortRead(1), at: before + operation) }
        #expect(try disk.bytes(of: "/d/file", limit: 3) == old)
        #expect(try disk.contentHash(of: "/d/file").sha256 == ContentHash.hex(of: old))
        #expect(try disk.contentHash(of: "/d/file").byteCount == 3)
        #expect(try disk.filesBelow("/") == ["d/file"])
    }
}
