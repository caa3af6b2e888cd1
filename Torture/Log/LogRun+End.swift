import EventLog
import Storage
import TestSupport

extension LogRun {
    /// Most seconds of the log's clock until a finished log must have been read to its end.
    private static let endSeconds = 60

    /// Lets every writer finish, seals the log with a last segment, reads to its end, compares.
    func end() throws {
        for index in files.indices { try grow(index, .max) }
        let line = Array("{\"the\":\"end\"}".utf8)
        try writeLast(line)
        try readToEnd(line)
        for file in files where file.isCreated { fates[file.unit].held = file.written }
        var expectations = units.indices.map(expectation)
        expectations.append(
            LineExpectation(
                lines: [WrittenLine(text: line, decoded: 0..<line.count + 1)], musts: [true]))
        if let mutation {
            guard let wrong = mutation.apply(to: handedOut, expectations) else { return }
            isMutated = true
            faults += LogVerdict.faults(of: wrong, given: expectations)
            return
        }
        faults += LogVerdict.faults(of: handedOut, given: expectations)
        if !hasHistory { try readAgain() }
    }

    /// What was written, what is on the disk, and what came out: for whoever looks into a failure.
    func explanation() -> [String] {
        var text: [String] = []
        for (unit, segment) in units.enumerated() where fates[unit].held != nil {
            text.append("segment \(unit)")
            for piece in segment.pieces {
                text.append(
                    "  \(piece.kind) \(piece.bytes), header to \(piece.headerEnd), independent "
                        + "\(piece.isIndependent), summed \(piece.hasBlockChecksums)")
                text += piece.blocks.map { "    LZ4 block \($0.bytes) of \($0.decoded)" }
            }
            var before: Int? = -1
            for (place, origin) in (fates[unit].held?.origins ?? []).enumerated() {
                if origin != before.map({ $0 + 1 }) && (origin != nil || before != nil) {
                    text.append("  byte \(place) is \(origin.map(String.init) ?? "foreign")")
                }
                before = origin
            }
            text += segment.lines.indices.map { "  line \($0) at \(segment.lines[$0].decoded)" }
        }
        return text
            + handedOut.map { entry in
                "\(entry.cursor.segment) \(entry.cursor.framePosition)+"
                    + "\(entry.cursor.decodedOffset) "
                    + (entry.damage.map { "\($0)" }
                        ?? String(decoding: entry.text.prefix(90), as: UTF8.self))
            } + reader.notices.map(\.description)
    }

    private func writeLast(_ line: [UInt8]) throws {
        let bytes = line + [0x0A]
        let encoder = LZ4FrameEncoder()
        var frame: [UInt8] = []
        try encoder.begin(into: &frame)
        try encoder.update(bytes, 0..<bytes.count, into: &frame)
        try encoder.end(into: &frame)
        let sequence = (files.map(\.sequence).max() ?? 0) + 1
        try disk.makeDirectory(root + "/" + Self.directory)
        let path = root + "/" + Self.directory + "/" + SegmentName.name(sequence)
        try disk.open(path, .create).write(frame, at: 0)
    }

    private func readToEnd(_ line: [UInt8]) throws {
        for _ in 0..<Self.endSeconds {
            while try !poll(1000) {}
            if reader.isAtEnd && handedOut.last?.text == line { break }
            clock.advance(seconds: 1)
        }
        guard handedOut.last?.text == line, reader.obstacle == nil, reader.lag() == 0 else {
            faults.append(
                "the end was not reached: \(reader.cursor), lag \(reader.lag()), "
                    + "\(reader.notices), obstacle \(String(describing: reader.obstacle))")
            return
        }
    }

    private func expectation(of unit: Int) -> LineExpectation {
        let segment = units[unit]
        let fate = fates[unit]
        guard let held = fate.held else { return LineExpectation(lines: [], musts: []) }
        let survival = Survival(of: segment, in: held)
        let hasRefused = segment.pieces.contains { $0.kind == .refused }
        let tooLongCount = segment.lines.count(where: \.isTooLong)
        return LineExpectation(
            lines: segment.lines,
            musts: fate.isLost
                ? segment.lines.map { _ in false } : survival.mustSurvive(),
            absents: Set(segment.lines.indices.filter { survival.isAbsent(segment.lines[$0]) }),
            isForgiven: fate.isForgiven, mayInvent: survival.mayInvent,
            mayRepeat: fate.mayRepeat,
            damageLimit: tooLongCount + segment.pieces.count { $0.kind == .refused }
                + 2 * survival.faultCount,
            isWhole: survival.isWhole && !hasRefused)
    }

    /// A reader that comes when all is over finds the same, whatever its bounds.
    private func readAgain() throws {
        let expected = handedOut
        for notice in reader.notices {
            switch notice {
            case .gap, .unreadable: break
            default: faults.append("nothing of this happened: \(notice)")
            }
        }
        handedOut = []
        reader = try LogReader(
            host: host, directory: root + "/" + Self.directory,
            options: LogReaderOptions(recordByteCount: plan.options.recordByteCount))
        try readToEnd(expected.last?.text ?? [])
        for (index, (one, other)) in zip(expected, handedOut).enumerated()
        where !one.isSame(as: other) {
            faults.append("entry \(index) was \(one), and is \(other) when it is read again")
            return
        }
        if expected.count != handedOut.count {
            faults.append("\(expected.count) entries, \(handedOut.count) when it is read again")
        }
    }
}
