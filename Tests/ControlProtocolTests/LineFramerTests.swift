import ControlProtocol
import Storage
import Testing

@Suite struct LineFramerTests {
    private func frames(_ pieces: [[UInt8]], limit: Int = 100) -> [LineFramer.Frame] {
        var framer = LineFramer(byteLimit: limit)
        var frames: [LineFramer.Frame] = []
        for piece in pieces { framer.take(piece.span, into: &frames) }
        framer.finish(into: &frames)
        return frames
    }

    private func line(_ text: String) -> LineFramer.Frame { .line(Array(text.utf8)) }

    @Test func `cuts lines, drops carriage returns and skips blanks`() {
        let text = "a\r\n\n  \t\r\nbc\nlast"
        #expect(frames([Array(text.utf8)]) == [line("a"), line("bc"), line("last")])
    }

    @Test func `gives the same frames however the bytes arrive`() {
        var random = SeededRandom(seed: 1, stream: 0)
        for _ in 0..<300 {
            let bytes = (0..<random.next() % 400).map { _ in
                random.next() % 12 == 0 ? UInt8(0x0A) : UInt8(0x20 + random.next() % 90)
            }
            let whole = frames([bytes], limit: 20)
            #expect(frames(bytes.map { [$0] }, limit: 20) == whole)
            let cut = Int(random.next() % UInt64(bytes.count + 1))
            #expect(frames([Array(bytes[..<cut]), Array(bytes[cut...])], limit: 20) == whole)
        }
    }

    @Test func `reports a line that is too long once and goes on after it`() {
        var framer = LineFramer(byteLimit: 4)
        var frames: [LineFramer.Frame] = []
        framer.take(Array("12345".utf8).span, into: &frames)
        #expect(frames == [.tooLong(limit: 4)] && framer.isInsideLine)
        for _ in 0..<1000 { framer.take(Array("67890".utf8).span, into: &frames) }
        framer.take(Array("x\n1234\n".utf8).span, into: &frames)
        #expect(frames == [.tooLong(limit: 4), line("1234")] && !framer.isInsideLine)
    }

    @Test func `takes a line of exactly the limit`() {
        #expect(
            frames([Array("1234\n12345\n".utf8)], limit: 4) == [line("1234"), .tooLong(limit: 4)])
    }
}
