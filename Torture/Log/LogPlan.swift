import EventLog
import Storage

/// What a round does, decided before it begins, so that any part of it can be left out.
struct LogPlan {
    /// What may happen to a log and to its reader.
    enum Step {
        /// Damages a segment that has not begun to reach the disk.
        case damage(Int, LogDamage)
        /// Makes the next segment's file.
        case create(Int)
        /// Appends up to so many bytes to a segment.
        case grow(Int, Int)
        /// Appends the rest, unless the grace time has passed: then lines may be lost.
        case finish(Int)
        case tick(milliseconds: Int)
        /// Reads up to so many chunks.
        case poll(Int)
        /// Reads while disk operations fail or return less than they could.
        case faultyPoll([(after: Int, isShort: Bool)])
        case commit
        /// A new reader goes on after a record since the last commit.
        case resume(Double, LogReaderOptions)
        /// A new reader goes on from the last commit.
        case restart(LogReaderOptions)
        case truncate(Int, Double, goesOnInFrame: Bool)
        /// The spare segment takes a segment's name, in a new file or in the same one.
        case replace(Int, isInPlace: Bool)
        /// The same bytes in a new file.
        case copy(Int)
        case rename(Int)
        case delete(Int)
        case deleteBelow
        case hideDirectory(milliseconds: Int)
        /// Power off and on: a part of what was not synced is lost.
        case machineCrash(Int, seed: UInt64)
    }

    var segments: [WrittenSegment] = []
    /// What takes a segment's name when it is replaced.
    var spares: [WrittenSegment] = []
    var sequences: [Int64] = []
    var steps: [Step] = []
    var options = LogReaderOptions()
    /// Whether the directory is there before the reader.
    var hasDirectory = true

    private var random: SeededRandom

    /// Round `round` of `seed`.
    init(seed: UInt64, round: Int, isOnRealDisk: Bool) throws {
        random = SeededRandom(seed: seed, stream: UInt64(round))
        let limit = [300, 1000, 65_536].randomElement(using: &random) ?? 1000
        options = Self.readerOptions(limit, &random)
        var author = SegmentAuthor(
            random: SeededRandom(seed: random.next(), stream: 2), recordByteCount: limit)
        var sequence = Int64(number(0...3))
        for _ in 0..<number(1...4) {
            segments.append(try author.segment())
            spares.append(try author.segment())
            sequences.append(sequence)
            sequence += chance(0.7) ? 1 : Int64(number(2...4))
        }
        hasDirectory = chance(0.9)
        let isDamaged = chance(0.6)
        for index in segments.indices where isDamaged {
            while chance(0.5) { steps.append(.damage(index, LogDamage(&random))) }
        }
        addLives(isLively: chance(0.5), hasFaults: !isOnRealDisk)
    }

    private mutating func addLives(isLively: Bool, hasFaults: Bool) {
        for index in segments.indices {
            steps.append(.create(index))
            // Maybe the segment before is finished only now.
            for _ in 0..<number(0...3) { addStep(index, hasFaults) }
            if index > 0 { steps.append(.finish(index - 1)) }
            if chance(0.5) { steps.append(.tick(milliseconds: 3500)) }
            let count = chance(0.05) ? 60 : number(1...8)
            let life = isLively && chance(0.6) ? number(0..<count) : -1
            let longest = [6, 200, 3000, 100_000].randomElement(using: &random) ?? 200
            for step in 0..<count {
                steps.append(.grow(index, number(1...longest)))
                addStep(index, hasFaults)
                if step == life { addLife(index, hasFaults) }
            }
            if chance(0.6) { steps.append(.finish(index)) }
        }
    }

    private mutating func addStep(_ index: Int, _ hasFaults: Bool) {
        switch number(0...11) {
        case 0...4: steps.append(.poll(chance(0.5) ? 1000 : number(1...3)))
        case 5: steps.append(.commit)
        case 6:
            steps.append(
                .resume(
                    random.nextUnit(), Self.readerOptions(options.recordByteCount, &random)))
        case 7: steps.append(.restart(Self.readerOptions(options.recordByteCount, &random)))
        case 8 where hasFaults:
            let faults = (0..<number(1...3)).map { _ in
                (after: number(0...12), isShort: chance(0.5))
            }
            steps.append(.faultyPoll(faults))
        case 9: steps.append(.tick(milliseconds: number(1...1200)))
        case 10: steps.append(.deleteBelow)
        default: steps.append(.grow(index, number(1...300)))
        }
    }

    private mutating func addLife(_ index: Int, _ hasFaults: Bool) {
        switch number(0...8) {
        case 0:
            steps.append(.truncate(index, random.nextUnit(), goesOnInFrame: chance(0.3)))
        case 1: steps.append(.replace(index, isInPlace: false))
        case 2: steps.append(.replace(index, isInPlace: true))
        case 3: steps.append(.copy(index))
        case 4: steps.append(.rename(index))
        case 5: steps.append(.delete(number(0...index)))
        case 6: steps.append(.hideDirectory(milliseconds: number(0...4000)))
        case 7 where hasFaults: steps.append(.machineCrash(index, seed: random.next()))
        default: steps.append(.tick(milliseconds: 5000))
        }
    }

    static func readerOptions(
        _ recordByteCount: Int, _ random: inout SeededRandom
    ) -> LogReaderOptions {
        LogReaderOptions(
            chunkByteCount: [1, 100, 3000, 256 * 1024].randomElement(using: &random) ?? 1,
            chunkRecordCount: [1, 2, 7, 4096].randomElement(using: &random) ?? 1,
            recordByteCount: recordByteCount)
    }

    private mutating func chance(_ probability: Double) -> Bool { random.nextUnit() < probability }

    private mutating func number(_ range: ClosedRange<Int>) -> Int {
        Int.random(in: range, using: &random)
    }

    private mutating func number(_ range: Range<Int>) -> Int {
        Int.random(in: range, using: &random)
    }
}
