import EventLog
import Testing

@Suite struct LZ4ChecksumTests {
    // xxhsum 0.8: printf '' | xxhsum -H0, and so on.
    @Test(arguments: [
        ("", 0x02CC_5D05), ("a", 0x550D_7456), ("abc", 0x32D1_53FF),
        ("Nobody inspects the spammish repetition", 0xE229_3B2F),
    ])
    func `matches the reference`(text: String, value: UInt32) {
        #expect(LZ4Checksum.of(Array(text.utf8), 0..<text.utf8.count) == value)
    }

    @Test func `does not depend on the pieces`() {
        let bytes = (0..<100).map { UInt8(truncatingIfNeeded: $0 * 89) }
        let whole = LZ4Checksum.of(bytes, 0..<100)
        for first in 0...100 {
            for second in [first, min(100, first + 5), 100] {
                var checksum = LZ4Checksum()
                checksum.update(bytes, 0..<first)
                checksum.update(bytes, first..<second)
                checksum.update(bytes, second..<100)
                #expect(checksum.value == whole)
            }
        }
    }
}
