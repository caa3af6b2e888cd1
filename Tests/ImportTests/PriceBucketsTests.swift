import Events
import Import
import Storage
import Testing

@Suite struct PriceBucketsTests {
    private func millionths(_ text: String) -> Int64? {
        PriceBuckets.millionths(Array(text.utf8).span)
    }

    @Test func `gives equal shares to distinct prices`() {
        var buckets = PriceBuckets()
        for price in 0..<1_000 {
            for _ in 0..<3 { buckets.note(item: 1, price: Int64(price)) }
        }
        buckets.fix()
        #expect(buckets.pairCount == 1_000)
        #expect((0..<1_000).allSatisfy { Int(buckets.bucket(of: Int64($0))) == $0 / 10 })
        #expect(buckets.bucket(of: -1) == 0 && buckets.bucket(of: 5_000) == 99)
    }

    @Test func `counts the items that have a price`() {
        var buckets = PriceBuckets()
        for item in 0..<3 { buckets.note(item: Int64(item), price: 10) }
        buckets.note(item: 0, price: 20)
        buckets.fix()
        #expect(buckets.bucket(of: 10) == 0)
        #expect(buckets.bucket(of: 20) == 75)
    }

    @Test func `reads prices exactly`() {
        #expect(millionths("2.55") == 2_550_000)
        #expect(millionths("-0.1") == -100_000)
        #expect(millionths("0.1234567") == 123_456)
        #expect(millionths("999999999.999999") == 999_999_999_999_999)
        for text in ["", "-", ".5", "5.", "1e3", "1,5", " 1", "+1", "1.2.3", "1000000000", "NaN"] {
            #expect(millionths(text) == nil, "\(text)")
        }
    }
}

@Suite struct WordVectorTests {
    private func vector(_ text: String) -> [UInt8]? {
        WordVector.vector(Array(text.utf8).span).map { vector in (0..<16).map { vector[$0] } }
    }

    // Tests/Golden/import_table.py: vector(text)
    @Test(arguments: [
        (
            "WHITE HANGING HEART T-LIGHT HOLDER",
            [151, 175, 151, 104, 175, 175, 128, 104, 104, 104, 151, 104, 80, 175, 128, 104]
                as [UInt8]
        ),
        (
            "crème brûlée",
            [162, 93, 162, 162, 128, 128, 128, 128, 128, 196, 128, 162, 128, 93, 128, 59]
        ),
    ])
    func `matches an independent implementation`(text: String, expected: [UInt8]) {
        #expect(vector(text) == expected)
    }

    @Test func `sees words, not their order, case or separators`() {
        #expect(vector("Red mug") == vector("MUG,  red!"))
        #expect(vector("Red mug") != vector("Redmug"))
        #expect(vector(" - ") == nil && vector("") == nil)
    }
}
