import EventLog
import Storage
import TestSupport

/// One round: a log, its writer and its reader, and what happens to them.
final class LogRun {
    static let directory = "log"

    /// One segment's file.
    struct LogFile {
        /// What is still to be appended, and what stands on the disk.
        var waiting: CarriedBytes
        var written = CarriedBytes()
        /// The written segment that it holds now.
        var unit: Int
        var sequence: Int64
        var isCreated = false
        var isGone = false
        var grownNanoseconds: UInt64 = 0
        /// When bytes were cut off its end: the epoch, and the size that was left.
        var cut: (epoch: Int, byteCount: Int)?
    }

    /// What became of a written segment beside what its bytes tell.
    struct Fate {
        /// Whether notices, not damages, tell what is lost of it.
        var isForgiven = false
        /// Whether nothing of it must come out.
        var isLost = false
        /// Whether its lines may come out twice.
        var mayRepeat = false
        /// What its file held last; nil when it never had one.
        var held: CarriedBytes?
    }

    let plan: LogPlan
    let disk: any Disk
    let memory: MemoryDisk?
    let clock: SimulatedClock
    let root: String
    var host: Host
    var files: [LogFile]
    /// Every written segment in the log's order: a spare stands behind the one it replaces.
    var units: [WrittenSegment]
    var fates: [Fate]
    var reader: LogReader
    var handedOut: [HandedOut] = []
    var committedCount = 0
    var epoch = 0
    /// Whether something happened that a later reader of the whole log cannot know.
    var hasHistory = false
    var faults: [String] = []
    /// What to make wrong before the comparison, and whether there was something to do it to.
    var mutation: LogMutation?
    var isMutated = false

    /// Gets ready to run a plan, on the real disk below `work` or, when that is nil, in memory.
    init(_ plan: LogPlan, work: String?) throws {
        self.plan = plan
        clock = SimulatedClock(seconds: 1_667_952_000)
        memory = work == nil ? MemoryDisk(clock: clock) : nil
        disk = memory ?? RealDisk()
        root = work ?? ""
        host = Host(disk: disk, clock: clock, randomness: SeededRandomness(seed: 1))
        units = zip(plan.segments, plan.spares).flatMap { [$0, $1] }
        fates = units.map { _ in Fate() }
        files = plan.segments.indices.map {
            LogFile(
                waiting: CarriedBytes(plan.segments[$0]), unit: 2 * $0, sequence: plan.sequences[$0]
            )
        }
        if plan.hasDirectory { try disk.makeDirectory(root + "/" + Self.directory) }
        reader = try LogReader(
            host: host, directory: root + "/" + Self.directory, options: plan.options)
    }

    /// Runs all steps and the end; returns what was wrong.
    func run() throws -> [String] {
        for step in plan.steps {
            try perform(step)
            if !faults.isEmpty { return faults }
        }
        try end()
        return faults
    }

    func path(_ index: Int) -> String {
        root + "/" + Self.directory + "/" + SegmentName.name(files[index].sequence)
    }

    var now: UInt64 { clock.monotonicNanoseconds() }

    // MARK: Writing

    func create(_ index: Int) throws {
        guard files[index...].allSatisfy({ !$0.isCreated }) else { return }
        // Those before grow now, so that none is taken as complete before its time.
        for before in 0..<index { try grow(before, 1) }
        try disk.makeDirectory(root + "/" + Self.directory)
        _ = try disk.open(path(index), .create)
        files[index].isCreated = true
        files[index].grownNanoseconds = now
    }

    func isUnfinished(_ index: Int) -> Bool {
        files[index].isCreated && !files[index].isGone && files[index].waiting.count > 0
    }

    func grow(_ index: Int, _ count: Int) throws {
        guard isUnfinished(index) else { return }
        let taken = files[index].waiting.takeFirst(count)
        let file = try disk.open(path(index), .update)
        try file.write(taken.bytes, at: Int64(files[index].written.count))
        files[index].written.append(taken)
        files[index].grownNanoseconds = now
    }

    /// Moves the clock, but not so far that a segment is taken as complete while it is written.
    func tick(milliseconds: Int) {
        var longest = milliseconds
        for index in files.indices
        where isUnfinished(index) && files[(index + 1)...].contains(where: \.isCreated) {
            let quiet = Int((now - files[index].grownNanoseconds) / 1_000_000)
            longest = min(longest, max(0, 1500 - quiet))
        }
        clock.advance(seconds: Double(longest) / 1000)
    }

    // MARK: Reading

    /// Reads up to `count` chunks; says whether nothing more was there.
    @discardableResult
    func poll(_ count: Int) throws -> Bool {
        let options = reader.options
        for _ in 0..<count {
            guard let chunk = try reader.next() else { return true }
            let byteLimit = 2 * options.chunkByteCount + 3 * options.recordByteCount + 64
            if chunk.bytes.count > byteLimit || chunk.entries.count > options.chunkRecordCount + 1
                || chunk.entries.isEmpty
            {
                faults.append(
                    "a chunk of \(chunk.bytes.count) bytes, \(chunk.entries.count) entries")
            }
            if chunk.firstOffset != LogOffset(handedOut.count) {
                faults.append("a chunk from \(chunk.firstOffset) after \(handedOut.count) entries")
            }
            for index in chunk.entries.indices {
                let entry = chunk.entries[index]
                handedOut.append(
                    HandedOut(
                        text: Array(chunk.bytes[entry.start..<entry.start + entry.byteCount]),
                        damage: entry.damage, cursor: chunk.cursor(after: index), epoch: epoch))
                if entry.damage != nil { handedOut[handedOut.count - 1].text = [] }
            }
            if handedOut.last?.cursor != reader.cursor { faults.append("the cursor is elsewhere") }
        }
        return false
    }

    /// A new reader goes on after the first `count` entries.
    func resume(after count: Int, _ options: LogReaderOptions) throws {
        handedOut.removeLast(handedOut.count - count)
        let cursor = handedOut.last?.cursor ?? .start
        if let last = handedOut.last { noteOldCursor(last) }
        reader = try LogReader(
            host: host, directory: root + "/" + Self.directory, cursor: cursor, options: options)
    }

    /// A cursor from before a cut, in what was cut off: nobody can tell what is new there.
    private func noteOldCursor(_ last: HandedOut) {
        for file in files where file.sequence == last.cursor.segment {
            guard let cut = file.cut, last.epoch < cut.epoch else { continue }
            if last.cursor.framePosition > Int64(cut.byteCount) || cut.byteCount < 1024 {
                makeUncertain(file.unit)
            }
        }
    }

    func makeUncertain(_ unit: Int) {
        fates[unit].isForgiven = true
        fates[unit].isLost = true
        fates[unit].mayRepeat = true
    }
}
