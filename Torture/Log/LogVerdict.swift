import EventLog
import Events

/// One entry that a reader handed out, and how a reader goes on after it.
struct HandedOut: Equatable {
    var text: [UInt8]
    var damage: Damage?
    var cursor: Cursor
    /// How many changes of the files that cannot be undone had happened.
    var epoch = 0

    /// Whether two readers say the same; which file it was does not matter.
    func isSame(as other: HandedOut) -> Bool {
        text == other.text && damage == other.damage
            && cursor.segment == other.cursor.segment
            && cursor.framePosition == other.cursor.framePosition
            && cursor.decodedOffset == other.cursor.decodedOffset
            && cursor.recordCount == other.cursor.recordCount
    }
}

/// What is known of the lines of one segment when a round is over.
struct LineExpectation {
    var lines: [WrittenLine]
    var musts: [Bool]
    /// Lines that may be lost without a damage, by index.
    var absents: Set<Int> = []
    /// Whether lost lines need no damage: something happened to the file that notices tell.
    var isForgiven = false
    /// Whether lines may come out changed, because nothing protected them.
    var mayInvent = false
    /// Whether lines may come out twice: a file was cut or rewritten behind the reader's back.
    var mayRepeat = false
    /// Most damages that reading it may give.
    var damageLimit = 0
    /// Whether nothing is wrong with the file: then the damages are exactly `damageLimit`.
    var isWhole = true
}

/// Compares what came out of a reader with what must have.
struct LogVerdict {
    private let expectations: [LineExpectation]
    private let places: [[UInt8]: (segment: Int, line: Int)]
    private(set) var faults: [String] = []
    /// Every text that came out.
    private var seen: Set<[UInt8]> = []

    init(_ expectations: [LineExpectation]) {
        self.expectations = expectations
        var places: [[UInt8]: (segment: Int, line: Int)] = [:]
        for (segment, expectation) in expectations.enumerated() {
            for (line, written) in expectation.lines.enumerated() where !written.text.isEmpty {
                places[written.text] = (segment, line)
            }
        }
        self.places = places
    }

    /// What is wrong with `entries`, which came out in this order.
    static func faults(of entries: [HandedOut], given expectations: [LineExpectation]) -> [String] {
        var verdict = LogVerdict(expectations)
        verdict.check(entries)
        return verdict.faults
    }

    /// What came out between two lines that are known.
    private struct Between {
        var blanks = 0
        var damages = 0
        var strangers = 0
    }

    private mutating func check(_ entries: [HandedOut]) {
        var last = (segment: 0, line: -1)
        var between = Between()
        seen = Set(entries.lazy.filter { $0.damage == nil }.map(\.text))
        for (index, entry) in entries.enumerated() {
            if entry.cursor.recordCount != LogOffset(index + 1) {
                faults.append("entry \(index) has number \(entry.cursor.recordCount)")
            }
            if entry.damage != nil {
                between.damages += 1
            } else if entry.text.isEmpty {
                between.blanks += 1
            } else if let place = places[entry.text] {
                // What nothing protects may become the same as another line of it.
                if expectations[place.segment].mayInvent { continue }
                guard place > last else {
                    if !expectations[place.segment].mayRepeat {
                        faults.append("doubled or out of order: \(name(place))")
                    }
                    continue
                }
                if expectations[place.segment].lines[place.line].isTooLong {
                    faults.append("too long and not refused: \(name(place))")
                }
                checkGap(from: last, to: place, between)
                (last, between) = (place, Between())
            } else {
                checkStranger(entry)
                between.strangers += 1
            }
        }
        checkGap(from: last, to: (expectations.count, 0), between)
        checkDamages(entries)
    }

    /// The lines strictly between two places did not come out.
    private mutating func checkGap(
        from last: (segment: Int, line: Int), to next: (segment: Int, line: Int), _ between: Between
    ) {
        var (blankCount, mustBlankCount) = (0, 0)
        var isTold = between.damages > 0 || between.strangers > 0
        for segment in last.segment...min(next.segment, expectations.count - 1) {
            let expectation = expectations[segment]
            let start = segment == last.segment ? last.line + 1 : 0
            let end = segment == next.segment ? next.line : expectation.lines.count
            if expectation.isForgiven || expectation.mayInvent { isTold = true }
            for line in start..<max(start, end) {
                if expectation.mayInvent && seen.contains(expectation.lines[line].text) {
                    continue
                } else if expectation.lines[line].text.isEmpty {
                    blankCount += 1
                    mustBlankCount += expectation.musts[line] ? 1 : 0
                } else if expectation.musts[line] {
                    faults.append("lost: \(name((segment, line)))")
                } else if !isTold && !expectation.absents.contains(line) {
                    faults.append("lost without a word: \(name((segment, line)))")
                }
            }
        }
        let mayRepeat = expectations.contains { $0.mayRepeat || $0.mayInvent }
        if between.blanks < mustBlankCount || between.blanks > blankCount && !mayRepeat {
            faults.append(
                "\(between.blanks) blank lines before \(name(next)); \(mustBlankCount) to "
                    + "\(blankCount) were written")
        }
    }

    /// What is no written line may be a piece of one, which no parser takes.
    private mutating func checkStranger(_ entry: HandedOut) {
        if expectations.contains(where: \.mayInvent) { return }
        let text = String(decoding: entry.text.prefix(200), as: UTF8.self)
        if expectations.allSatisfy(\.isWhole) { faults.append("a piece of a line: \(text)") }
        if (try? RecordParser().parse(entry.text.span)) != nil {
            faults.append("invented: \(text)")
        }
    }

    private mutating func checkDamages(_ entries: [HandedOut]) {
        let count = entries.count { $0.damage != nil }
        let limit = expectations.reduce(0) { $0 + $1.damageLimit }
        let isExact = expectations.allSatisfy { $0.isWhole && !$0.isForgiven }
        let isLimited = !expectations.contains { $0.isForgiven || $0.mayRepeat }
        if isLimited && count > limit || isExact && count < limit {
            faults.append("\(count) damages where \(isExact ? "" : "at most ")\(limit) are")
        }
        for case let damage? in entries.map(\.damage)
        where damage.position < 0 || damage.byteCount < 0 || damage.reason.isEmpty {
            faults.append("an impossible damage: \(damage)")
        }
    }

    private func name(_ place: (segment: Int, line: Int)) -> String {
        guard place.segment < expectations.count else { return "the end" }
        let text = expectations[place.segment].lines[place.line].text
        return "segment \(place.segment), line \(place.line), "
            + String(decoding: text.prefix(160), as: UTF8.self)
    }
}
