/// Which lines of a segment must come out of a reader, given the bytes that are in the file.
///
/// This is what docs/event-log.md promises, worked out from how the segment was written. It shares
/// nothing with the reader: what is whole is what stands in the file in one run.
struct Survival {
    private let segment: WrittenSegment
    /// Place in the file of each written byte; nil when it is not there.
    private var places: [Int?]
    /// How many written bytes up to each do not stand right behind the one before them.
    private var breaks: [Int]
    /// Runs of written bytes that the file has apart, or has not.
    let faultCount: Int
    /// Whether the file holds everything that was written and nothing else.
    let isWhole: Bool

    init(of segment: WrittenSegment, in file: CarriedBytes) {
        self.segment = segment
        places = [Int?](repeating: nil, count: segment.bytes.count)
        for (place, origin) in file.origins.enumerated() {
            if let origin { places[origin] = place }
        }
        breaks = []
        breaks.reserveCapacity(places.count)
        var (count, faultCount) = (0, 0)
        var before: Int? = -1
        for place in places {
            let isBroken = before.map({ $0 + 1 }) != place
            if isBroken || place == nil { count += 1 }
            if isBroken && !(before == nil && place == nil) { faultCount += 1 }
            breaks.append(count)
            before = place
        }
        self.faultCount = faultCount
        isWhole = count == 0 && file.count == segment.bytes.count
    }

    /// Whether a run of written bytes stands in the file in one run.
    func isIntact(_ range: Range<Int>) -> Bool {
        guard let first = range.first, let last = range.last else { return true }
        return places[first] != nil && breaks[last] == breaks[first]
    }

    /// Whether some frame without LZ4 block checksums is damaged, or a cut joins LZ4 blocks.
    ///
    /// Then bytes may come out changed, and nobody can tell.
    var mayInvent: Bool {
        segment.pieces.contains { piece in
            piece.kind != .skippable && !isIntact(piece.bytes)
                && (!piece.hasBlockChecksums || isAbsent(piece)
                    || piece.blocks.contains(where: startsAfterCut))
        }
    }

    /// Lines of which no byte is there: where whole frames are cut out, nobody can miss them.
    func isAbsent(_ line: WrittenLine) -> Bool {
        let first = segment.block(of: line.decoded.lowerBound).piece
        let last = segment.block(of: line.decoded.upperBound - 1).piece
        return segment.pieces[first...last].allSatisfy(isAbsent)
    }

    private func isAbsent(_ piece: WrittenPiece) -> Bool {
        places[piece.bytes].allSatisfy { $0 == nil }
    }

    private func startsAfterCut(_ block: WrittenBlock) -> Bool {
        let start = block.bytes.lowerBound
        guard places[start] != nil else { return false }
        return start > 0 && breaks[start] != breaks[start - 1]
    }

    /// Lines that must come out, by index.
    func mustSurvive() -> [Bool] {
        var musts: [Bool] = []
        var before: (hull: Range<Int>, must: Bool)?
        for line in segment.lines {
            let hull = hull(of: line)
            var must = !line.isTooLong && canBeRead(line, hull) && followsCleanly(line)
            if must && !line.isObject {
                must =
                    before.map { $0.must && isClean($0.hull.lowerBound..<hull.upperBound) }
                    ?? (places.first == 0 && isClean(0..<hull.upperBound))
                // The end of its segment must be plain to see.
                if line.decoded.count == line.text.count {
                    must = must && isWhole && isUntouchedAfter(hull)
                }
            }
            musts.append(must)
            before = (hull, must)
        }
        return musts
    }

    /// From the first to the last compressed byte that carries a line.
    func hull(of line: WrittenLine) -> Range<Int> {
        let first = segment.block(of: line.decoded.lowerBound)
        let last = segment.block(of: line.decoded.upperBound - 1)
        return segment.pieces[first.piece].blocks[first.block].bytes
            .lowerBound..<segment.pieces[last.piece].blocks[last.block].bytes.upperBound
    }

    private func isUntouchedAfter(_ hull: Range<Int>) -> Bool {
        isClean(hull.lowerBound..<segment.bytes.count)
    }

    /// Whether a run is whole and holds nothing that readers refuse.
    private func isClean(_ range: Range<Int>) -> Bool {
        isIntact(range)
            && !segment.pieces.contains { $0.kind == .refused && $0.bytes.overlaps(range) }
    }

    /// Whether its LZ4 blocks are there, and a reader finds them.
    private func canBeRead(_ line: WrittenLine, _ hull: Range<Int>) -> Bool {
        guard isClean(hull) else { return false }
        let (index, block) = segment.block(of: line.decoded.lowerBound)
        let frame = segment.pieces[index]
        let start = frame.blocks[block].bytes.lowerBound
        if isIntact(frame.bytes.lowerBound..<start + 1) { return true }
        // Behind damage in the same frame: only where each damaged LZ4 block can be stepped over.
        guard frame.isIndependent, isIntact(frame.bytes.lowerBound..<frame.headerEnd + 1) else {
            return false
        }
        // Where only the frame's checksum tells of it, its end is a damage inside a longer line.
        let isWithin = line.decoded.upperBound <= (frame.blocks.last?.decoded.upperBound ?? 0)
        guard frame.hasBlockChecksums || isWithin else { return false }
        return (0..<block).allSatisfy { canBeStepped(over: $0, of: frame) }
    }

    /// Whether an LZ4 block is whole, or damaged in place with its length and the next one whole.
    private func canBeStepped(over index: Int, of frame: WrittenPiece) -> Bool {
        let here = frame.blocks[index].bytes
        let next = frame.blocks[index + 1].bytes
        guard let start = places[here.lowerBound], let end = places[next.lowerBound],
            end - start == here.count
        else { return false }
        if isIntact(here.lowerBound..<next.lowerBound + 1) { return true }
        return isIntact(here.lowerBound..<here.lowerBound + 4) && isIntact(next)
    }

    /// Whether nothing that went unnoticed can have changed the line end before it.
    private func followsCleanly(_ line: WrittenLine) -> Bool {
        guard line.decoded.lowerBound > 0 else {
            return piecesAreTold(upTo: segment.block(of: 0).piece, from: 0)
        }
        let before = segment.block(of: line.decoded.lowerBound - 1)
        let here = segment.block(of: line.decoded.lowerBound)
        let frame = segment.pieces[before.piece]
        if before.piece == here.piece {
            let end = frame.blocks[here.block].bytes.lowerBound + 1
            return frame.hasBlockChecksums || isIntact(frame.bytes.lowerBound..<end)
                || frame.isIndependent
                    && isIntact(frame.blocks[before.block].bytes.lowerBound..<end)
        }
        return piecesAreTold(upTo: here.piece, from: before.piece)
    }

    /// Whether all that is wrong with some pieces is noticed by whoever reads them.
    private func piecesAreTold(upTo end: Int, from start: Int) -> Bool {
        segment.pieces[start..<end].allSatisfy { piece in
            piece.hasBlockChecksums || piece.kind == .skippable || isIntact(piece.bytes)
        }
    }
}
