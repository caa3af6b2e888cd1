import Storage

/// `headHash` names how many leading bytes it covers, so that it can be checked against a file
/// that has grown since: the low 16 bits are that number L, at most 1024, the upper 48 a hash of
/// the file's first L bytes. L never exceeds what had been read, so that a crash of the machine
/// that takes unread bytes away does not make another file of it.
extension FileIdentity {
    /// Most leading bytes that the hash covers.
    static let longestHead = 1024

    /// How many leading bytes `headHash` covers.
    var headByteCount: Int { Int(headHash & 0xFFFF) }

    /// The identity of an open file, of which `readByteCount` bytes have been read.
    static func of(
        _ file: any DiskFile, readByteCount: Int64
    ) throws(StorageError)
        -> FileIdentity
    {
        let status = try file.status()
        let count = Int(min(Int64(longestHead), readByteCount))
        return FileIdentity(
            device: status.device, inode: status.inode,
            headHash: try headHash(file, byteCount: count) ?? 0)
    }

    /// Whether `file` begins as the file of this identity did.
    func hasSameHead(as file: any DiskFile) throws(StorageError) -> Bool {
        guard headByteCount > 0 else { return true }
        return try Self.headHash(file, byteCount: headByteCount) == headHash
    }

    /// The hash of the first `byteCount` bytes; nil when the file has fewer.
    private static func headHash(
        _ file: any DiskFile, byteCount: Int
    ) throws(StorageError)
        -> UInt64?
    {
        guard byteCount > 0, byteCount <= longestHead else { return nil }
        var head: [UInt8] = []
        while head.count < byteCount {
            let missing = byteCount - head.count
            if try file.read(missing, at: Int64(head.count), into: &head) == 0 { return nil }
        }
        // FNV-1a (Fowler, Noll, Vo), finished by SplitMix64's bijection.
        let hash = head.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3
        }
        return SeededRandom.mix(hash) & ~0xFFFF | UInt64(byteCount)
    }
}
