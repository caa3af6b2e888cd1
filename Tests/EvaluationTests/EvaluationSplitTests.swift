import Evaluation
import Testing

/// reference/evaluation-protocol.md §1: the published log's last purchase lies on 2022-10-10, its
/// windows are 2022-09-13…09-26 and 2022-09-27…10-10.
@Suite struct EvaluationSplitTests {
    private func midnight(_ day: Int64) -> Int64 { day * 86_400 }

    @Test func `splits the published log where the organisers did`() {
        // Days since 1970: 2022-10-10 is 19275, 2022-09-13 is 19248 (date -ud 2022-10-10 +%s).
        let split = EvaluationSplit(lastPurchaseSeconds: midnight(19275) + 86_395)
        #expect(split.cutoffSeconds == midnight(19248))
        #expect(split.training == midnight(19248)..<midnight(19262))
        #expect(split.validation == midnight(19262)..<midnight(19276))
    }

    @Test func `a last purchase at midnight counts as that day's`() {
        #expect(
            EvaluationSplit(lastPurchaseSeconds: midnight(19275)).cutoffSeconds == midnight(19248))
        #expect(
            EvaluationSplit(lastPurchaseSeconds: -1, targetDays: 1).cutoffSeconds == midnight(-2))
    }
}
