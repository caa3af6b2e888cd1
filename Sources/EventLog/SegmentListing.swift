import Storage

/// The segments of a directory, listed seldom and asked about often.
struct SegmentListing {
    let host: Host
    let directory: String
    let intervalMilliseconds: Int
    /// Sequence numbers as last listed, ascending.
    private(set) var sequences: [Int64] = []
    /// Whether the directory was missing when it was listed last, and nothing of it was seen since.
    ///
    /// No look is made for this: a reader at the log's end lists once an interval anyway.
    private(set) var isMissing = false
    private var listedNanoseconds: UInt64?
    private var byteCounts: [Int64: Int64] = [:]

    init(host: Host, directory: String, intervalMilliseconds: Int) {
        self.host = host
        self.directory = directory
        self.intervalMilliseconds = intervalMilliseconds
    }

    func path(_ sequence: Int64) -> String { directory + "/" + SegmentName.name(sequence) }

    /// The lowest segment above `sequence`; nil when there is none.
    ///
    /// The next number is looked up by itself, so that it is found at once; the directory is listed
    /// at most once per interval, so that a thousand sealed segments cost an idle reader nothing.
    mutating func first(after sequence: Int64) throws(StorageError) -> Int64? {
        if let known = known(after: sequence), known == sequence + 1 { return known }
        if try status(sequence + 1) != nil {
            insert(sequence + 1)
            return sequence + 1
        }
        if known(after: sequence) == nil { try listIfDue() }
        return known(after: sequence)
    }

    /// Size and identity of what has a segment's name; nil when nothing has.
    mutating func status(_ sequence: Int64) throws(StorageError) -> FileStatus? {
        let status = try host.disk.status(path(sequence))
        if status != nil { isMissing = false }
        return status
    }

    /// Opens a segment to be read; nil when there is none of that number.
    ///
    /// A FIFO, device, socket or directory under a segment's name is an error as a file that may
    /// not be read is: the name may get a segment yet.
    mutating func open(_ sequence: Int64) throws(StorageError) -> (any DiskFile)? {
        let file: any DiskFile
        do throws(StorageError) {
            file = try host.disk.open(path(sequence), .read)
        } catch StorageError.missing {
            return nil
        } catch {
            throw error
        }
        isMissing = false
        guard try file.status().kind == .file else {
            throw .malformed(
                path: path(sequence), reason: "is no regular file; move it out of the log")
        }
        return file
    }

    /// The highest segment as last listed.
    var last: Int64? { sequences.last }

    /// Lists the directory now; a missing one has no segments.
    ///
    /// After a failure the next look lists again: an obstacle that only every second look met would
    /// come and go.
    mutating func list() throws(StorageError) {
        listedNanoseconds = nil
        let now = host.clock.monotonicNanoseconds()
        do {
            sequences = try host.disk.names(in: directory).compactMap(SegmentName.sequence)
            sequences.sort()
            isMissing = false
        } catch StorageError.missing {
            sequences = []
            isMissing = true
        }
        listedNanoseconds = now
    }

    /// Compressed bytes of the segments above `sequence`; asks for each size once, for the highest
    /// each time.
    mutating func byteCount(after sequence: Int64) throws(StorageError) -> Int64 {
        try listIfDue()
        byteCounts = byteCounts.filter { $0.key > sequence }
        var sum: Int64 = 0
        for later in sequences.reversed() {
            guard later > sequence else { break }
            if let known = byteCounts[later], later != last {
                sum += known
                continue
            }
            let size = try host.disk.status(path(later))?.byteCount ?? 0
            if later != last { byteCounts[later] = size }
            sum += size
        }
        return sum
    }

    /// Makes the next look at the directory a fresh one.
    mutating func lookAgain() { listedNanoseconds = nil }

    private mutating func listIfDue() throws(StorageError) {
        let now = host.clock.monotonicNanoseconds()
        if let listedNanoseconds,
            now < listedNanoseconds + UInt64(max(0, intervalMilliseconds)) * 1_000_000
        {
            return
        }
        try list()
    }

    private func known(after sequence: Int64) -> Int64? {
        var low = 0
        var high = sequences.count
        while low < high {
            let middle = (low + high) / 2
            if sequences[middle] > sequence { high = middle } else { low = middle + 1 }
        }
        return low < sequences.count ? sequences[low] : nil
    }

    private mutating func insert(_ sequence: Int64) {
        let index = sequences.firstIndex { $0 >= sequence } ?? sequences.count
        if index == sequences.count || sequences[index] != sequence {
            sequences.insert(sequence, at: index)
        }
    }
}
