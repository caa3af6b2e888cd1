import Pipeline
import Testing

@Suite struct WorkShareTests {
    @Test func `a slice that was cut short is followed by one with its share`() {
        var share = WorkShare()
        #expect(share.end(from: 100, limit: 50) == nil)
        share.note(wasCutShort: true, at: 1000)
        // 400 ns of answers: 100 of work, a fifth of the whole.
        #expect(share.end(from: 1400, limit: 1000) == 1500)
        #expect(share.end(from: 101_000, limit: 1000) == 102_000)
        // A clock that went back.
        #expect(share.end(from: 900, limit: 1000) == 900)
        share.note(wasCutShort: false, at: 2000)
        #expect(share.end(from: 9000, limit: 1000) == nil)
    }
}
