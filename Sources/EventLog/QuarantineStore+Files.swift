import Storage

/// Files `<20-digit number>.quarantine`: a 16-byte header (magic, and how many entries had left
/// before the file began), then the entries.
extension QuarantineStore {
    private static let suffix = ".quarantine"
    private static let magic = Array("UBPDQUA1".utf8)
    private static let headerByteCount = 16

    func path(_ number: Int64) -> String {
        let digits = String(number)
        let zeros = String(repeating: "0", count: 20 - digits.count)
        return directory + "/" + zeros + digits + Self.suffix
    }

    /// Reads what is there, cuts off a torn end, and removes what a rewrite that was killed left:
    /// it holds raw records, and no erasure would find it.
    func load() throws(StorageError) {
        try host.disk.makeDirectory(directory)
        _ = try AtomicFile.removeLeftovers(in: directory, on: host.disk)
        for name in try host.disk.names(in: directory) where name.hasSuffix(Self.suffix) {
            guard let number = Int64(name.dropLast(Self.suffix.count)), number >= 0 else {
                continue
            }
            try load(number)
        }
        guard let last = files.last else { return }
        let file = try host.disk.open(path(last.number), .update)
        if try file.status().byteCount > last.byteCount { try file.truncate(to: last.byteCount) }
        active = last.byteCount >= Int64(Self.headerByteCount) ? file : nil
        if active == nil {
            files.removeLast()
            try host.disk.remove(path(last.number))
        }
    }

    private func load(_ number: Int64) throws(StorageError) {
        let file = try host.disk.open(path(number), .read)
        var bytes: [UInt8] = []
        // A file holds its share of the bound and one entry more at the most.
        let bound = options.byteCount + Int64(options.recordByteCount) + 1 << 16
        while Int64(bytes.count) < bound {
            if try file.read(1 << 20, at: Int64(bytes.count), into: &bytes) == 0 { break }
        }
        var stored = StoredFile(number: number, byteCount: 0)
        if bytes.starts(with: Self.magic), bytes.count >= Self.headerByteCount {
            let dropped = LZ4FrameHeader.number(bytes, at: Self.magic.count)
            droppedCount = max(droppedCount, Int(clamping: dropped))
            var next = Self.headerByteCount
            while let (entry, end) = QuarantineEntry.decode(bytes, at: next) {
                note(entry, at: Int64(next), byteCount: end - next, in: &stored)
                next = end
            }
            stored.byteCount = Int64(next)
        }
        if stored.byteCount < Int64(bytes.count) { damagedFileCount += 1 }
        files.append(stored)
    }

    /// Begins the next file, and lets the oldest go when there are too many.
    func begin() throws(StorageError) {
        let number = (files.last?.number ?? -1) + 1
        while files.count >= Self.fileCount, let oldest = files.first { try drop(oldest) }
        var header = Self.magic
        QuarantineEntry.append(UInt64(droppedCount), byteCount: 8, to: &header)
        let file = try host.disk.open(path(number), .createOrUpdate)
        try file.truncate(to: 0)
        try file.write(header, at: 0)
        files.append(StoredFile(number: number, byteCount: Int64(header.count)))
        active = file
    }

    /// Removes the entries that `isGone` says; each file that held one is written anew.
    ///
    /// They count as dropped. An entry whose bytes are damaged stays.
    package func remove(_ isGone: (QuarantineEntry) -> Bool) throws(EventLogError) {
        do throws(StorageError) {
            for file in files { try rewrite(file, without: isGone) }
        } catch {
            throw .storage(error)
        }
    }

    private func rewrite(
        _ file: StoredFile, without isGone: (QuarantineEntry) -> Bool
    ) throws(StorageError) {
        let bytes = try host.disk.bytes(
            of: path(file.number),
            limit: Int(options.byteCount) + options.recordByteCount + 1 << 16)
        var kept = Array(bytes.prefix(Self.headerByteCount))
        var rest: [(entry: QuarantineEntry, at: Int64, byteCount: Int)] = []
        var gone: [RecordPlace] = []
        var next = Self.headerByteCount
        while let (entry, end) = QuarantineEntry.decode(bytes, at: next) {
            if isGone(entry) {
                gone.append(entry.key)
            } else {
                rest.append((entry, Int64(kept.count), end - next))
                kept += bytes[next..<end]
            }
            next = end
        }
        guard !gone.isEmpty, let index = files.firstIndex(where: { $0.number == file.number })
        else { return }
        let isActive = index == files.count - 1 && active != nil
        // What is appended must not go to the file that is replaced.
        if isActive { active = nil }
        try AtomicFile.write(kept, to: path(file.number), on: host)
        if isActive { active = try host.disk.open(path(file.number), .update) }
        for key in gone where places[key]?.file == file.number { places[key] = nil }
        droppedCount += gone.count
        files[index] = StoredFile(number: file.number, byteCount: Int64(kept.count))
        for (entry, position, count) in rest {
            note(entry, at: position, byteCount: count, in: &files[index])
        }
    }

    func drop(_ oldest: StoredFile) throws(StorageError) {
        if files.count == 1 { active = nil }
        try host.disk.remove(path(oldest.number))
        for key in oldest.keys where places[key]?.file == oldest.number { places[key] = nil }
        droppedCount += oldest.keys.count
        files.removeFirst()
    }
}
