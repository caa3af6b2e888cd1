import Features
import Kernels
import Learning
import Testing

/// Which positions a reconstruction is judged by: docs/rows.md says which a kind of row uses.
@Suite struct RowMaskTests {
    @Test(arguments: [
        (0, 59), (1, 59), (2, 59), (3, 33), (4, 37),
    ])
    func `is what the row's kind uses`(oneHot: Int, end: Int) {
        #expect(kept(row([oneHot])) == Array(0..<end) + [59, 60, 61])
    }

    @Test func `of an empty future, only what tells it from rows`() {
        #expect(kept(row([RowLayout.emptyFuture])) == [0, 1, 2, 3, 4, 61])
        let network = SRANetwork<Float>(.fip)
        let shard = network.shard([TrainingExample(rows: row([0]), futureRows: [])])
        #expect(shard.target.rows.values == row([RowLayout.emptyFuture]).map { $0 == 0 ? 0 : 1 })
        #expect(shard.weights?.values == [0.8])
    }

    @Test func `of END, what it says`() {
        #expect(kept(row([RowLayout.end])) == Array(16...32) + [59, 60, 62])
    }

    @Test func `of a row of no kind, what all kinds use`() {
        #expect(kept(row([])) == Array(0..<33) + [59, 60, 61])
    }

    @Test func `is nothing when a network masks nothing`() {
        var configuration = SRAConfiguration.sra
        configuration.masksUnusedPositions = false
        let shard = SRANetwork<Float>(configuration).shard([TrainingExample(rows: row([0]))])
        #expect(shard.keep == nil)
        #expect(shard.weights == nil)
    }

    @Test func `follows its row through the sorting`() {
        let network = SRANetwork<Float>(.sra)
        let shard = network.shard([
            TrainingExample(rows: row([3])), TrainingExample(rows: row([4]) + row([0])),
        ])
        #expect(shard.input.order == [1, 0])
        let counts = (0..<3).map { place in
            shard.keep?.rows(place..<place + 1).values.reduce(0, +)
        }
        #expect(counts == [40, 36, 62])
    }

    private func kept(_ row: [UInt16]) -> [Int] {
        let shard = SRANetwork<Float>(.sra).shard([TrainingExample(rows: row)])
        return shard.keep?.values.indices.filter { shard.keep?[$0] == 1 } ?? []
    }

    private func row(_ set: [Int]) -> [UInt16] {
        (0..<RowLayout.width).map { set.contains($0) ? halfBits(1) : 0 }
    }
}
