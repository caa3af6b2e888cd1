import Events
import Features
import TestSupport
import Testing

/// What a row's key remembers, and where rows go that leave the window.
@Suite struct RowKeyTests {
    @Test(arguments: 0..<6 as Range<UInt64>)
    func `a key has the class of the gap that its row has`(seed: UInt64) {
        var fold = FoldHarness(FoldOptions(), .lively)
        for event in randomUser(seed, count: 80, hasIDs: false) { fold.admit(event) }
        fold.settle()
        var classes: Set<UInt8> = []
        for (row, key) in fold.scratch.keys.enumerated() {
            let gap = Int64(fold.raw(row)[RowLayout.gap])
            #expect(key.gap == LogBuckets.index(seconds: gap), "row \(row), \(gap) s")
            classes.insert(key.gap)
            #expect(
                RowToken(key, vocabulary: RowVocabulary(.lively)).gap == Int32(key.gap))
        }
        #expect(fold.scratch.keys.first?.gap == 0 && classes.count > 4)
    }

    @Test(arguments: [1, 3, 64])
    func `what has left and what is there are all rows`(window: Int) {
        var options = FoldOptions()
        options.rowWindow = window
        var fold = FoldHarness(options, .lively)
        for event in randomUser(3, count: 60, hasIDs: false) { fold.admit(event) }
        let rows = fold.state.rows
        let departed = fold.scratch.departed
        #expect(Int64(departed.count) == max(0, rows.totalCount - Int64(window)))
        var halves = departed.halves
        var keys = departed.keys
        for index in rows.firstIndex..<rows.totalCount {
            halves += rows.row(index)
            keys.append(rows.key(index))
        }
        #expect(CommittedRows(halves: halves, keys: keys) == fold.rows)
        fold.scratch.removeRows()
        #expect(fold.scratch.departed == DepartedRows())
    }
}
