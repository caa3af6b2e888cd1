import Events
import Features
import Storage

/// Many users' training examples in one file, each readable by itself (docs/training.md).
///
/// A header of 72 bytes, the records, and an index of 16 bytes a user, which is all that is kept in
/// memory. Same examples, same bytes.
package struct ExampleFile: ExampleSource {
    /// What stands in front of the records, as 64-bit little-endian words.
    struct Header: Equatable {
        static let byteCount = 72
        /// "ubpdexmp" as bytes.
        private static let magic: UInt64 = 0x706D_7865_6470_6275
        /// Version 2, which has END's rows; rows of 64.
        private static let form: UInt64 = 2 << 32 | UInt64(RowLayout.width)

        var window: LabelWindow
        var count: Int
        /// Where the index begins, after the last record.
        var indexPosition: Int64
        var indexHash: UInt64
        /// FNV-1a of the records' hashes, in order.
        var fingerprint: UInt64

        func encoded() -> [UInt8] {
            var writer = ByteWriter()
            for word in [
                Self.magic, Self.form, UInt64(bitPattern: window.cutSeconds),
                UInt64(window.horizonSeconds), UInt64(window.futureSeconds) << 32 | UInt64(count),
                UInt64(indexPosition), indexHash, fingerprint,
            ] { writer.put(word: word) }
            let hash = StableHash64.hash(writer.bytes.span)
            writer.put(word: hash)
            return writer.bytes
        }

        init(
            window: LabelWindow, count: Int, indexPosition: Int64, indexHash: UInt64,
            fingerprint: UInt64
        ) {
            self.window = window
            self.count = count
            self.indexPosition = indexPosition
            self.indexHash = indexHash
            self.fingerprint = fingerprint
        }

        init(decoding bytes: [UInt8], path: String) throws(LearningError) {
            let span = bytes.span
            let words = stride(from: 0, to: Self.byteCount, by: 8).map { span.word(at: $0) }
            guard words[0] == Self.magic else {
                throw .notExamples(path: path, reason: "not a file of examples")
            }
            guard words[1] == Self.form else {
                throw .notExamples(path: path, reason: "examples of another version or width")
            }
            guard words[8] == StableHash64.hash(span.extracting(0..<Self.byteCount - 8)),
                let horizon = Int64(exactly: words[3]), horizon > 0,
                let position = Int64(exactly: words[5])
            else {
                throw .damagedExamples(path: path, record: nil, reason: "the header is damaged")
            }
            window = LabelWindow(
                cutSeconds: Int64(bitPattern: words[2]), horizonSeconds: horizon,
                futureSeconds: Int64(words[4] >> 32))
            count = Int(words[4] & 0xFFFF_FFFF)
            indexPosition = position
            indexHash = words[6]
            fingerprint = words[7]
        }
    }

    /// One user in the index.
    struct Entry: Equatable {
        /// Where the record begins, 48 bits, and the rows before the cut, 16 bits.
        var place: UInt64
        var user: UserID

        init(position: Int64, rowCount: Int, user: UserID) {
            place = UInt64(position) << 16 | UInt64(rowCount)
            self.user = user
        }

        init(place: UInt64, user: UserID) {
            self.place = place
            self.user = user
        }

        var position: Int64 { Int64(place >> 16) }
        var rowCount: Int { Int(place & 0xFFFF) }
    }

    /// The cut and horizons that the examples were made with.
    package let window: LabelWindow
    package let fingerprint: UInt64
    private let path: String
    private let file: any DiskFile
    private let index: [Entry]
    private let indexPosition: Int64

    /// Opens a file and checks its header and index; records are checked when they are read.
    package init(_ path: String, on disk: any Disk) throws(LearningError) {
        do throws(StorageError) {
            file = try disk.open(path, .read)
        } catch {
            throw .storage(error)
        }
        let byteCount: Int64
        do throws(StorageError) {
            byteCount = try file.status().byteCount
        } catch {
            throw .storage(error)
        }
        guard byteCount >= Int64(Header.byteCount) else {
            throw .truncatedExamples(
                path: path, byteCount: byteCount, wanted: Int64(Header.byteCount))
        }
        let header = try Header(
            decoding: Self.read(Header.byteCount, at: 0, of: file, path), path: path)
        // Both numbers are bounded by the header's own form, so that nothing overflows.
        let end = header.indexPosition &+ 16 * Int64(header.count)
        guard header.indexPosition >= Int64(Header.byteCount), end >= header.indexPosition else {
            throw .damagedExamples(path: path, record: nil, reason: "the header makes no sense")
        }
        guard byteCount == end else {
            throw .truncatedExamples(path: path, byteCount: byteCount, wanted: end)
        }
        self.path = path
        window = header.window
        fingerprint = header.fingerprint
        indexPosition = header.indexPosition
        index = try Self.readIndex(header, of: file, path)
    }

    package var count: Int { index.count }

    /// Rows before the cut, from the index.
    package func rowCount(_ index: Int) -> Int { self.index[index].rowCount }

    /// Whose example it is.
    package func user(_ index: Int) -> UserID { self.index[index].user }

    /// The same.
    package func owner(_ index: Int) -> UserID? { user(index) }

    /// Reads and checks examples, in the order asked.
    package func examples(_ indices: [Int]) throws(LearningError) -> [TrainingExample] {
        var examples: [TrainingExample] = []
        examples.reserveCapacity(indices.count)
        for place in indices {
            let start = index[place].position
            let end = place + 1 < index.count ? index[place + 1].position : indexPosition
            let bytes = try Self.read(Int(end - start), at: start, of: file, path)
            do throws(LearningRecordFlaw) {
                let record = try ExampleRecord(decoding: bytes)
                guard record.user == index[place].user,
                    record.example.rows.count == index[place].rowCount * RowLayout.width
                else { throw .init("another record than the index says") }
                examples.append(record.example)
            } catch {
                throw .damagedExamples(path: path, record: place, reason: error.reason)
            }
        }
        return examples
    }

    private static func readIndex(
        _ header: Header, of file: any DiskFile, _ path: String
    ) throws(LearningError) -> [Entry] {
        var hash = StableHash64()
        var index: [Entry] = []
        index.reserveCapacity(header.count)
        var expected = Int64(Header.byteCount)
        for start in stride(from: 0, to: header.count, by: 1 << 16) {
            let rows = min(header.count - start, 1 << 16)
            let bytes = try read(
                16 * rows, at: header.indexPosition + 16 * Int64(start), of: file, path)
            hash.update(bytes.span)
            for row in 0..<rows {
                let entry = Entry(
                    place: bytes.span.word(at: 16 * row),
                    user: UserID(rawValue: Int64(bitPattern: bytes.span.word(at: 16 * row + 8))))
                let isInPlace =
                    index.isEmpty ? entry.position == expected : entry.position >= expected
                guard entry.rowCount > 0, isInPlace else {
                    throw .damagedExamples(
                        path: path, record: start + row, reason: "the index is damaged")
                }
                expected = entry.position + Int64(ExampleRecord.leastByteCount)
                index.append(entry)
            }
        }
        guard hash.value == header.indexHash, expected <= header.indexPosition || index.isEmpty
        else {
            throw .damagedExamples(path: path, record: nil, reason: "the index is damaged")
        }
        return index
    }

    private static func read(
        _ count: Int, at position: Int64, of file: any DiskFile, _ path: String
    ) throws(LearningError) -> [UInt8] {
        guard count <= ExampleRecord.mostByteCount else {
            throw .damagedExamples(path: path, record: nil, reason: "a record of \(count) bytes")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let read: Int
            do throws(StorageError) {
                read = try file.read(
                    count - bytes.count, at: position + Int64(bytes.count), into: &bytes)
            } catch {
                throw .storage(error)
            }
            guard read > 0 else {
                throw .truncatedExamples(
                    path: path, byteCount: position + Int64(bytes.count),
                    wanted: position + Int64(count))
            }
        }
        return bytes
    }
}
