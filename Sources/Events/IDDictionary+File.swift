import Storage

/// The dictionary as a file of the log directory: `kind \t id \t text`, one entry a line.
///
/// Ascending by kind and id. In texts a backslash, a tab, a newline and a carriage return are
/// written `\\`, `\t`, `\n` and `\r`.
extension IDDictionary {
    /// Its name in the log directory.
    package static let fileName = "dictionary.tsv"

    /// Reads the dictionary of a log; a log that has none gives an empty one.
    ///
    /// A file of more than `byteLimit` bytes, or with more than `limit` entries, is an error.
    package static func load(
        from directory: String, on disk: any Disk, byteLimit: Int64 = 4 << 30,
        limit: Int = 50_000_000
    ) throws(DictionaryError) -> IDDictionary {
        let path = directory + "/" + fileName
        do throws(StorageError) {
            guard let status = try disk.status(path) else { return IDDictionary(limit: limit) }
            guard status.byteCount <= byteLimit else {
                throw .malformed(path: path, reason: "more than \(byteLimit) bytes")
            }
        } catch { throw .storage(error) }
        var reader = DictionaryReader(path: path, dictionary: IDDictionary(limit: limit))
        do throws(StorageError) {
            let file = try disk.open(path, .read)
            var position: Int64 = 0
            while true {
                var block: [UInt8] = []
                let count = try file.read(1 << 20, at: position, into: &block)
                if count == 0 { break }
                position += Int64(count)
                reader.pending += block
                guard reader.takeLines() else { break }
            }
        } catch { throw .storage(error) }
        return try reader.finish()
    }

    /// Writes the dictionary into a log directory, whole or not at all.
    package func save(to directory: String, on disk: any Disk) throws(DictionaryError) {
        let path = directory + "/" + Self.fileName
        let aside = path + ".partial-import"
        do throws(StorageError) {
            try disk.remove(aside)
            let file = try disk.open(aside, .create)
            var position: Int64 = 0
            var block: [UInt8] = []
            for kind in IDKind.allCases {
                for (id, text) in sorted(kind) {
                    block += "\(kind)\t\(id)\t".utf8
                    for byte in text.utf8 { block.append(escaped: byte) }
                    block.append(0x0A)
                    if block.count >= 1 << 20 {
                        try file.write(block, at: position)
                        position += Int64(block.count)
                        block.removeAll(keepingCapacity: true)
                    }
                }
            }
            try file.write(block, at: position)
            try file.sync()
            try disk.rename(aside, to: path)
            try disk.syncDirectory(directory)
        } catch { throw .storage(error) }
    }
}

/// Reads entries line by line and keeps the first fault for the end.
private struct DictionaryReader {
    let path: String
    var dictionary: IDDictionary
    var pending: [UInt8] = []
    private var line = 0
    private var fault: DictionaryError?

    init(path: String, dictionary: IDDictionary) {
        self.path = path
        self.dictionary = dictionary
    }

    /// Takes the whole lines of `pending`; false after a fault.
    mutating func takeLines() -> Bool {
        var start = 0
        while fault == nil, let end = pending[start...].firstIndex(of: 0x0A) {
            line += 1
            do throws(DictionaryError) { try take(Array(pending[start..<end])) } catch {
                fault = error
            }
            start = end + 1
        }
        pending.removeSubrange(..<start)
        // The longest line that `save` writes: every byte escaped, and two short columns.
        if fault == nil, pending.count > 2 * IDDictionary.textByteLimit + 64 {
            fault = .malformed(path: path, line: line + 1, reason: "the line is too long")
        }
        return fault == nil
    }

    func finish() throws(DictionaryError) -> IDDictionary {
        if let fault { throw fault }
        guard pending.isEmpty else {
            throw .malformed(path: path, line: line + 1, reason: "the last line is cut off")
        }
        return dictionary
    }

    private mutating func take(_ bytes: [UInt8]) throws(DictionaryError) {
        let columns = bytes.split(separator: 0x09, omittingEmptySubsequences: false)
        guard columns.count == 3,
            let kind = IDKind.allCases.first(where: { columns[0].elementsEqual("\($0)".utf8) }),
            let id = DecimalText.value(Array(columns[1]).span), let text = columns[2].unescaped,
            String(validating: text, as: UTF8.self) != nil
        else {
            throw .malformed(path: path, line: line, reason: "not kind, id and text")
        }
        try dictionary.restore(kind, id, text)
    }
}

extension [UInt8] {
    fileprivate mutating func append(escaped byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\\"): self += "\\\\".utf8
        case 0x09: self += "\\t".utf8
        case 0x0A: self += "\\n".utf8
        case 0x0D: self += "\\r".utf8
        default: append(byte)
        }
    }
}

extension ArraySlice<UInt8> {
    /// The text behind the escapes; nil when one of them is none of ours.
    fileprivate var unescaped: [UInt8]? {
        var text: [UInt8] = []
        var bytes = makeIterator()
        while let byte = bytes.next() {
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            switch bytes.next() {
            case UInt8(ascii: "\\"): text.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "r"): text.append(0x0D)
            default: return nil
            }
        }
        return text
    }
}
