import Daemon
import Foundation
import Storage
import TestSupport
import Testing

/// What `ubpd check-config` says of the state directory's disk.
@Suite struct MachineCheckTests {
    private static let leastByteCount: Int64 = 64 << 20

    /// Findings about the state directory, where nothing else is to be found.
    private func findings(
        _ state: String, freeByteCount: Int64, mounted: String? = nil
    ) throws -> [MachineFinding] {
        let disk = MeasuredDisk(freeByteCount: freeByteCount, mounted: mounted)
        var configuration = Configuration()
        configuration.stateDirectory = state
        let places = try ConfigurationPlaces(path: nil, disk: disk)
        var check = MachineCheck(configuration: configuration, places: places, disk: disk)
        return check.run().filter { $0.place.hasSuffix(":state_dir") }
    }

    /// Makes a file that has a length and no content.
    private func make(_ path: String, byteCount: Int64) throws {
        let disk = RealDisk()
        try disk.makeDirectory(URL(filePath: path).deletingLastPathComponent().path)
        try disk.open(path, .create).truncate(to: byteCount)
    }

    @Test func `less than 64 MiB is an error, and that much none`() throws {
        let directory = try TemporaryDirectory()
        let found = try findings(directory.path, freeByteCount: Self.leastByteCount - 1)
        #expect(found.map(\.isError) == [true])
        #expect(found.first?.problem == "\(directory.path) has 67108863 bytes free")
        #expect(found.first?.advice.contains("at least 67108864") == true)
        #expect(try findings(directory.path, freeByteCount: Self.leastByteCount) == [])
    }

    @Test func `a refresh wants room for two of the largest state, and for a snapshot`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path
        try make("\(path)/generations/1/state.sqlite", byteCount: 300 << 20)
        try make("\(path)/generations/2/state.sqlite", byteCount: 200 << 20)
        try make("\(path)/snapshots/7/embeddings.npy", byteCount: 50 << 20)
        try make("\(path)/snapshots/8/embeddings.npy", byteCount: 70 << 20)
        // A state without its registry is told as well, whatever there is free.
        let lost = "\(path) has states and no ubpd.sqlite"
        let wanted: Int64 = (2 * 300 + 70) << 20
        #expect(try findings(path, freeByteCount: wanted).map(\.problem) == [lost])
        let found = try findings(path, freeByteCount: wanted - 1)
        #expect(found.map(\.isError) == [false, false])
        #expect(
            found.map(\.problem) == [
                "\(path) has \(wanted - 1) bytes free; a refresh and a snapshot need some "
                    + "\(wanted)", lost,
            ])
        #expect(found.first?.advice.contains("snapshot.retain") == true)
    }

    @Test(arguments: ["generations", "quarantine", "snapshots", "spaces"])
    func `one file system holds what is renamed within it`(part: String) throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/\(part)"
        try RealDisk().makeDirectory(path)
        #expect(try findings(directory.path, freeByteCount: 1 << 40) == [])
        let found = try findings(directory.path, freeByteCount: 1 << 40, mounted: path)
        #expect(found.map(\.isError) == [false])
        #expect(
            found.first?.problem == "\(path) is on another file system than \(directory.path)")
    }
}

/// The real disk with so much room, and one directory of it somewhere else.
private struct MeasuredDisk: WrappingDisk {
    let real = RealDisk()
    let freeByteCount: Int64
    let mounted: String?

    func freeByteCount(_ path: String) throws(StorageError) -> Int64 { freeByteCount }

    func status(_ path: String) throws(StorageError) -> FileStatus? {
        guard let found = try real.status(path) else { return nil }
        return FileStatus(
            kind: found.kind, byteCount: found.byteCount,
            device: path == mounted ? found.device + 1 : found.device, inode: found.inode,
            modifiedSeconds: found.modifiedSeconds)
    }
}
