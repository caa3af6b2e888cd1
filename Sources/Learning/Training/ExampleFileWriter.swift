import Events
import Features
import Storage

/// Writes a file of examples aside and puts it in its place when it is complete.
///
/// Keeps 16 bytes a user and a buffer in memory. Until `finish` returns, nothing stands at the
/// path but what stood there before.
package final class ExampleFileWriter {
    /// Bytes gathered before they are written.
    private static let bufferByteCount = 1 << 20
    /// The header counts users in 32 bits.
    private static let userLimit = Int(UInt32.max)

    private let path: String
    private let aside: String
    private let host: Host
    private let file: any DiskFile
    private let window: LabelWindow
    private var index: [ExampleFile.Entry] = []
    private var buffer: [UInt8] = []
    private var written = Int64(ExampleFile.Header.byteCount)
    private var fingerprint = StableHash64()

    /// Begins a file whose directory exists.
    package init(_ path: String, window: LabelWindow, on host: Host) throws(LearningError) {
        self.path = path
        self.window = window
        self.host = host
        aside = AtomicFile.temporaryName(for: path, host.randomness)
        do throws(StorageError) {
            file = try host.disk.open(aside, .create)
        } catch {
            throw .storage(error)
        }
    }

    /// Examples so far.
    package var count: Int { index.count }

    /// Appends a user's example, of at most 65,535 rows; users come in any order, each once.
    package func append(_ example: TrainingExample, of user: UserID) throws(LearningError) {
        precondition(index.count < Self.userLimit, "ExampleFileWriter: too many users")
        let (bytes, hash) = ExampleRecord(user: user, example: example).encoded()
        index.append(
            ExampleFile.Entry(
                position: written + Int64(buffer.count),
                rowCount: example.rows.count / RowLayout.width, user: user))
        fingerprint.update(hash)
        buffer += bytes
        if buffer.count >= Self.bufferByteCount { try flush() }
    }

    /// Writes index and header, syncs, and puts the file in its place.
    package func finish() throws(LearningError) {
        try flush()
        let indexPosition = written
        var hash = StableHash64()
        for start in stride(from: 0, to: index.count, by: 1 << 16) {
            for entry in index[start..<min(index.count, start + 1 << 16)] {
                buffer.append(littleEndian: entry.place)
                buffer.append(littleEndian: UInt64(bitPattern: entry.user.rawValue))
            }
            hash.update(buffer.span)
            try flush()
        }
        let header = ExampleFile.Header(
            window: window, count: index.count, indexPosition: indexPosition,
            indexHash: hash.value, fingerprint: fingerprint.value)
        do throws(StorageError) {
            try file.write(header.encoded(), at: 0)
            try file.sync()
            try host.disk.rename(aside, to: path)
            try host.disk.syncDirectory(path.parentPath ?? ".")
        } catch {
            throw .storage(error)
        }
    }

    /// Removes what was written so far; nothing may be appended afterwards.
    package func abandon() {
        // What cannot be removed is a leftover that `AtomicFile` recognises.
        try? host.disk.remove(aside)
    }

    private func flush() throws(LearningError) {
        guard !buffer.isEmpty else { return }
        do throws(StorageError) {
            try file.write(buffer, at: written)
        } catch {
            throw .storage(error)
        }
        written += Int64(buffer.count)
        buffer.removeAll(keepingCapacity: true)
    }
}
